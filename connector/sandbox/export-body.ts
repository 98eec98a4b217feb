import type { AttributeSet, BillingPeriod } from '../../schemas/streams.js';

/** What the body of an export asks for. */
export interface ExportBody {
  readonly attributeSet: AttributeSet;
  /** For billed exports; upper case. */
  readonly invoiceId: string | null;
  /** For unbilled exports. */
  readonly billingPeriod: BillingPeriod | null;
  /** For unbilled exports; upper case. */
  readonly currencyCode: string | null;
}

/** What is wrong with a body, in words for the error's message. */
export interface BodyProblem {
  readonly problem: string;
}

/**
 * Reads the body of an export as Graph documents it (api-contract.md 1.3): names and words of enums without regard
 * to letter case, required ones present, nothing that is not documented.
 */
export function readExportBody(text: string, billed: boolean): ExportBody | BodyProblem {
  const properties = propertiesOf(text);
  if (properties === null) return { problem: 'The body is not a JSON object.' };
  const expected = billed ? ['invoiceid', 'attributeset'] : ['currencycode', 'billingperiod', 'attributeset'];
  const unknown = [...properties.keys()].find((name) => !expected.includes(name));
  if (unknown !== undefined) return { problem: `The parameter '${unknown}' is not one of this action.` };
  const attributeSet = wordOf(properties.get('attributeset') ?? 'full', ['full', 'basic'] as const);
  if (attributeSet === null) return { problem: 'attributeSet is none of full, basic.' };
  if (billed) {
    const invoiceId = properties.get('invoiceid');
    if (typeof invoiceId !== 'string' || !/^[A-Za-z][A-Za-z0-9]{2,39}$/.test(invoiceId)) {
      return { problem: 'invoiceId is not the id of an invoice.' };
    }
    return { attributeSet, invoiceId: invoiceId.toUpperCase(), billingPeriod: null, currencyCode: null };
  }
  const billingPeriod = wordOf(properties.get('billingperiod'), ['current', 'last'] as const);
  if (billingPeriod === null) return { problem: 'billingPeriod is none of current, last.' };
  const currencyCode = properties.get('currencycode');
  if (typeof currencyCode !== 'string' || !/^[A-Za-z]{3}$/.test(currencyCode)) {
    return { problem: 'currencyCode is not an ISO currency code.' };
  }
  return { attributeSet, invoiceId: null, billingPeriod, currencyCode: currencyCode.toUpperCase() };
}

/** The members of a JSON object by lower-cased name; null for anything else. */
function propertiesOf(text: string): Map<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
    return new Map(Object.entries(body).map(([name, value]) => [name.toLowerCase(), value]));
  } catch {
    return null;
  }
}

function wordOf<Word extends string>(value: unknown, words: readonly Word[]): Word | null {
  return words.find((word) => typeof value === 'string' && value.toLowerCase() === word) ?? null;
}
