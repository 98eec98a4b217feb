import { ConfigError, TransientError, type ConnectorError, type Fact } from '../../schemas/errors.js';
import { scopeLabel, type Scope } from '../../schemas/scope.js';
import type { Service } from './service.js';

/** What is asked of a service, as errors and progress name it. */
export type Errand = 'export' | 'poll' | 'manifest' | 'check' | 'invoice list';

/** An answer of a service, and what was asked. */
export interface ServiceRefusal {
  readonly service: Service;
  readonly errand: Errand;
  readonly scope?: Scope | undefined;
  readonly url: string;
  readonly status: number;
  readonly location?: string | undefined;
  /** Parsed JSON, or undefined where it is none. */
  readonly body: unknown;
  readonly bodyKind: BodyKind;
  readonly requestId: string | null;
  /** The id that we gave the request. */
  readonly clientRequestId: string;
  readonly correlationId?: string | undefined;
}

/** What a body is, for messages: gateways answer with HTML or nothing. */
export type BodyKind = 'JSON' | 'HTML' | 'empty' | 'text';

/** Statuses after which the same request may succeed (api-contract.md 9.2). Of the 5xx only these do not count. */
const AGAIN = new Set([408, 409, 423, 425, 429]);
const TERMINAL_5XX = new Set([501, 505, 507]);

/** Whether a request that got this status may be sent again. 401 is not among them: a new token is tried once. */
export function isRetried(status: number): boolean {
  return AGAIN.has(status) || (status >= 500 && status <= 599 && !TERMINAL_5XX.has(status));
}

/** The error that a refusal is, when it is not, or not any more, tried again. */
export function serviceError(refusal: ServiceRefusal): ConnectorError {
  const { service, status } = refusal;
  const { hints, name } = service;
  const message = `${place(refusal)}: ${name} answered ${describe(refusal)}`;
  const facts = refusalFacts(refusal);
  if (status >= 300 && status < 400) return redirectError(refusal, facts);
  if (isRetried(status)) {
    return new TransientError({
      message,
      hint: `${name} is busy or unwell; the next run goes on where this one stopped`,
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
  const byCode = hints.byCode[service.errorOf(refusal.body).code];
  if (status === 401) {
    return new ConfigError({
      message: `${message}, with a new token too`,
      hint: byCode ?? hints[401],
      facts,
    });
  }
  if (status === 403) {
    return new ConfigError({ message: `${message}; ${hints.missing}`, hint: byCode ?? hints[403], facts });
  }
  const hint = status === 400 || status === 404 ? hints[status] : hints.other;
  return new ConfigError({ message, hint: byCode ?? hint, facts });
}

/** Facts of a refusal for logs: never a query string, never a token. */
export function refusalFacts(refusal: ServiceRefusal): Record<string, Fact> {
  const { code } = refusal.service.errorOf(refusal.body);
  return {
    status: refusal.status,
    code: code === '' ? undefined : code,
    requestId: refusal.requestId ?? undefined,
    clientRequestId: refusal.clientRequestId,
    correlationId: refusal.correlationId,
    path: new URL(refusal.url).pathname,
    ...(refusal.scope === undefined ? {} : { scope: scopeLabel(refusal.scope) }),
  };
}

/** `503, serviceNotAvailable: try later (request-id ...)`: what an answer said, in one line. */
export function describe(refusal: ServiceRefusal): string {
  const { service, requestId, correlationId } = refusal;
  const { code, message } = service.errorOf(refusal.body);
  const said = [code, message.replace(/\s+/g, ' ').slice(0, 300)].filter((part) => part !== '').join(': ');
  const body = said === '' ? (refusal.bodyKind === 'JSON' ? '' : `, body: ${refusal.bodyKind}`) : `, ${said}`;
  const correlation = correlationId === undefined ? '' : `, correlation id ${correlationId}`;
  return `${refusal.status}${body} (request-id ${requestId ?? 'not given'}${correlation})`;
}

/** `billed_usage G016907411: export`: where an error happened. */
export function place({ scope, errand }: Pick<ServiceRefusal, 'scope' | 'errand'>): string {
  return scope === undefined ? errand : `${scopeLabel(scope)}: ${errand}`;
}

function redirectError(refusal: ServiceRefusal, facts: Record<string, Fact>): ConfigError {
  const { service } = refusal;
  const target = originOf(refusal.location, refusal.url);
  return new ConfigError({
    message: `${place(refusal)}: ${new URL(refusal.url).origin} redirects (${refusal.status}) to ${target}; redirects are not followed`,
    hint: `a proxy or a gateway answers in place of ${service.name}; look at ${service.setting} and source.proxy`,
    facts: { ...facts, redirectedTo: target },
  });
}

/** The origin of an address that may be relative; a word where it is none. The rest of it may hold secrets. */
export function originOf(address: string | undefined, base: string): string {
  if (address === undefined) return 'nowhere';
  return URL.canParse(address, base) ? new URL(address, base).origin : 'what is no address';
}
