import { ConfigError, TransientError, type ConnectorError, type Fact } from '../../schemas/errors.js';
import { graphErrorSchema } from '../../schemas/graph.js';
import { scopeLabel, type Scope } from '../../schemas/scope.js';

/** What is asked of Graph, as errors and progress name it. */
export type GraphErrand = 'export' | 'poll' | 'manifest' | 'check';

/** An answer of Graph that is no success, and what was asked. */
export interface GraphRefusal {
  readonly errand: GraphErrand;
  readonly scope?: Scope | undefined;
  readonly url: string;
  readonly status: number;
  readonly location?: string | undefined;
  /** Parsed JSON, or undefined where it is none. */
  readonly body: unknown;
  readonly bodyKind: BodyKind;
  readonly requestId: string | null;
  readonly clientRequestId: string;
}

/** What a body is, for messages: gateways answer with HTML or nothing. */
export type BodyKind = 'JSON' | 'HTML' | 'empty' | 'text';

/** The permission that everything here needs (api-contract.md 1.5). */
export const NEEDED_PERMISSION = 'PartnerBilling.Read.All';

const SETUP_HINT =
  `in Entra, partner tenant: App registrations > API permissions > Microsoft Graph > ${NEEDED_PERMISSION}, ` +
  'then grant admin consent; the API exists in the global cloud only and for direct-bill partners and indirect providers';

/** Statuses after which the same request may succeed (api-contract.md 9.2). Of the 5xx only these do not count. */
const AGAIN = new Set([408, 409, 423, 425, 429]);
const TERMINAL_5XX = new Set([501, 505, 507]);

/** Whether a request that got this status may be sent again. 401 is not among them: a new token is tried once. */
export function isRetried(status: number): boolean {
  return AGAIN.has(status) || (status >= 500 && status <= 599 && !TERMINAL_5XX.has(status));
}

/** The error that a refusal is, when it is not, or not any more, tried again. */
export function graphError(refusal: GraphRefusal): ConnectorError {
  const { status } = refusal;
  const message = `${place(refusal)}: Graph answered ${describe(refusal)}`;
  const facts = refusalFacts(refusal);
  if (status >= 300 && status < 400) return redirectError(refusal, facts);
  if (isRetried(status)) {
    return new TransientError({
      message,
      hint: 'Graph is busy or unwell; the next run goes on where this one stopped',
      facts,
    });
  }
  if (status === 401) {
    return new ConfigError({
      message: `${message}, with a new token too`,
      hint: `the token must be for Graph, of tenant source.tenant_id, with ${NEEDED_PERMISSION}; run \`partner-billing check\``,
      facts,
    });
  }
  if (status === 403) {
    return new ConfigError({
      message: `${message}; ${NEEDED_PERMISSION} is missing or the tenant is not permitted`,
      hint: SETUP_HINT,
      facts,
    });
  }
  if (status === 407) {
    return new ConfigError({
      message: `${place(refusal)}: the proxy refuses (407)`,
      hint: 'the proxy wants a name and a password: source.proxy: http://name:${env:PROXY_PASSWORD}@host:port',
      facts,
    });
  }
  if (status === 400) {
    return new ConfigError({
      message,
      hint: 'look at the invoice id, the period and the currency that were asked for',
      facts,
    });
  }
  if (status === 404) {
    return new ConfigError({
      message,
      hint: 'look at source.graph_url (normally https://graph.microsoft.com/v1.0) and at what was asked for',
      facts,
    });
  }
  return new ConfigError({
    message,
    hint: 'Graph will not do this; ask Microsoft support with the request id',
    facts,
  });
}

/** Facts of a refusal for logs: never a query string, never a token. */
export function refusalFacts(refusal: GraphRefusal): Record<string, Fact> {
  const { code } = errorOf(refusal.body);
  return {
    status: refusal.status,
    code: code === '' ? undefined : code,
    requestId: refusal.requestId ?? undefined,
    clientRequestId: refusal.clientRequestId,
    path: new URL(refusal.url).pathname,
    ...(refusal.scope === undefined ? {} : { scope: scopeLabel(refusal.scope) }),
  };
}

/** `503, serviceNotAvailable: try later (request-id ...)`: what an answer said, in one line. */
export function describe(refusal: GraphRefusal): string {
  const { code, message } = errorOf(refusal.body);
  const said = [code, message.replace(/\s+/g, ' ').slice(0, 300)].filter((part) => part !== '').join(': ');
  const body = said === '' ? (refusal.bodyKind === 'JSON' ? '' : `, body: ${refusal.bodyKind}`) : `, ${said}`;
  return `${refusal.status}${body} (request-id ${refusal.requestId ?? 'not given'})`;
}

/** `billed_usage G016907411: export`: where an error happened. */
export function place({ scope, errand }: Pick<GraphRefusal, 'scope' | 'errand'>): string {
  return scope === undefined ? errand : `${scopeLabel(scope)}: ${errand}`;
}

function redirectError(refusal: GraphRefusal, facts: Record<string, Fact>): ConfigError {
  const target = originOf(refusal.location, refusal.url);
  return new ConfigError({
    message: `${place(refusal)}: ${new URL(refusal.url).origin} redirects (${refusal.status}) to ${target}; redirects are not followed`,
    hint: 'a proxy or a gateway answers in place of Graph; look at source.graph_url and source.proxy',
    facts: { ...facts, redirectedTo: target },
  });
}

/** The origin of an address that may be relative; a word where it is none. The rest of it may hold secrets. */
export function originOf(address: string | undefined, base: string): string {
  if (address === undefined) return 'nowhere';
  return URL.canParse(address, base) ? new URL(address, base).origin : 'what is no address';
}

/** Code and message of an error body; empty texts where it has none. Codes are compared without regard to case. */
function errorOf(body: unknown): { readonly code: string; readonly message: string } {
  if (typeof body !== 'object' || body === null || !('error' in body)) return { code: '', message: '' };
  const parsed = graphErrorSchema.safeParse(body.error);
  return parsed.success ? parsed.data : { code: '', message: '' };
}
