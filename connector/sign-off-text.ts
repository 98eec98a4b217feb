import type { SignOff, SignOffChange } from './load/destination.js';
import { sumsText } from './summary-text.js';

/** What was restated of a signed invoice since, in money, in a sentence; null where it is what was signed. Pure. */
export function restatedText(signOff: SignOff): string | null {
  const { invoice, changes } = signOff;
  if (changes.length === 0) return null;
  const told = changes.map(changeText).join('; ');
  return `${signedText(signOff)}, and is not what was signed: ${told} (\`diff ${invoice}\` shows the lines)`;
}

/** Who declared an invoice right, and when, in a sentence without its end. Pure. */
export function signedText({ invoice, signedBy, signedAt, despite }: SignOff): string {
  const all = despite === null ? '' : ` despite differences (${despite})`;
  return `${invoice}: signed off by ${signedBy} at ${signedAt.slice(0, 19)}Z${all}`;
}

const WHAT: Readonly<Record<SignOffChange['what'], string>> = {
  restated: 'restated by',
  added: 'came later, with',
  gone: 'is not there any more, which takes',
  amended: 'amends it by',
};

function changeText({ of, what, moved }: SignOffChange): string {
  const amounts = sumsText(signed(moved));
  return `${of} ${WHAT[what]} ${amounts === '' ? 'an amount that is not known' : amounts}`;
}

/** Amounts with their sign, for what rose: `+3.21`. */
function signed(moved: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(moved).map(([currency, amount]) => [
      currency,
      /^[1-9]|^0\./.test(amount) ? `+${amount}` : amount,
    ]),
  );
}
