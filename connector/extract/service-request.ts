import { randomUUID } from 'node:crypto';
import type https from 'node:https';
import got, { RequestError, type Response } from 'got';
import { ConfigError, IntegrityError, TransientError } from '../../schemas/errors.js';
import type { RetryReason } from '../../schemas/progress.js';
import type { Scope } from '../../schemas/scope.js';
import { errorCode } from '../error-code.js';
import { causeOf, isCertificateError } from './error-cause.js';
import { place, type BodyKind, type Errand, type ServiceRefusal } from './service-error.js';
import type { HttpAgents } from './http-agents.js';
import { reasonOfCode } from './retry-reason.js';
import type { Service } from './service.js';

const ANSWER_BYTES = 32 * 1024 * 1024;

/** Milliseconds after which each phase of one request is given up. */
export const SERVICE_TIMEOUTS = {
  lookup: 10_000,
  connect: 15_000,
  secureConnect: 15_000,
  socket: 60_000,
  send: 30_000,
  response: 90_000,
  read: 60_000,
  request: 180_000,
} as const;

/** See {@link SERVICE_TIMEOUTS}. */
export type ServiceTimeouts = { readonly [Phase in keyof typeof SERVICE_TIMEOUTS]: number };

/** One thing asked of a service. */
export interface ServiceCall {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly json?: object;
  readonly errand: Errand;
  readonly scope?: Scope;
  readonly signal?: AbortSignal | undefined;
  /** By the monotonic clock: no attempt begins after it. */
  readonly deadlineMs?: number | undefined;
  /** Ties the requests of one errand together, where the service has a header for it. */
  readonly correlationId?: string;
  /** Awaited before each attempt, with the id that it will carry (Graph's `client-request-id`). */
  readonly beforeSend?: (clientRequestId: string) => Promise<void>;
}

/** What a service answered: a success, or for a GET also 404 and 410, which mean that what was asked for is gone. */
export interface ServiceAnswer {
  readonly status: number;
  readonly gone: boolean;
  /** Parsed JSON; undefined where the body is none. */
  readonly body: unknown;
  /** The bytes that the body was parsed from: numbers have all their digits there only. */
  readonly bytes: Uint8Array;
  readonly requestId: string | null;
  /** What was asked and answered, for errors about the content. */
  readonly refusal: ServiceRefusal;
  header(name: string): string | undefined;
}

/** An attempt that may be repeated, and what its answer said about when. */
export interface Setback {
  readonly cause: string;
  readonly why?: RetryReason;
  readonly error: TransientError;
  readonly retryAfter?: string | undefined;
  readonly date?: string | undefined;
}

/** What one attempt is made with. */
export interface SendOptions {
  readonly service: Service;
  readonly agents: HttpAgents;
  readonly timeouts?: ServiceTimeouts | undefined;
}

/** Makes an id for a request. */
export function newRequestId(): string {
  return randomUUID();
}

/**
 * Sends a request once and reads the whole answer, whatever its status. No redirect is followed and nothing is
 * tried again here. A connection that fails is a setback.
 * @throws ConfigError for a certificate that is not trusted, IntegrityError for an endless answer.
 */
export async function sendOnce(
  options: SendOptions,
  call: ServiceCall,
  token: string,
  clientRequestId: string,
): Promise<ServiceAnswer | Setback> {
  const { service } = options;
  await call.beforeSend?.(clientRequestId);
  const tooLong = new AbortController();
  const signals = [tooLong.signal, ...(call.signal === undefined ? [] : [call.signal])];
  // got only hands it to Node, which asks no more of an agent for https than of one for http.
  const agent = options.agents.for(call.url) as https.Agent;
  try {
    const sent = got(call.url, {
      method: call.method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        'user-agent': 'partner-billing-connector',
        ...service.headers,
        [service.ownIdHeader]: clientRequestId,
        ...(service.correlationHeader === null ? {} : { [service.correlationHeader]: call.correlationId }),
      },
      ...(call.json === undefined ? {} : { json: call.json }),
      agent: { http: agent, https: agent },
      timeout: options.timeouts ?? SERVICE_TIMEOUTS,
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      decompress: false,
      responseType: 'buffer',
      signal: AbortSignal.any(signals),
    });
    void sent.on('downloadProgress', ({ transferred }) => {
      if (transferred > ANSWER_BYTES) tooLong.abort();
    });
    return readAnswer(service, call, clientRequestId, await sent);
  } catch (error) {
    call.signal?.throwIfAborted();
    if (tooLong.signal.aborted) throw tooLongError(service, call, clientRequestId);
    return lost(service, call, clientRequestId, error);
  }
}

function readAnswer(
  service: Service,
  call: ServiceCall,
  clientRequestId: string,
  response: Response<Uint8Array>,
): ServiceAnswer {
  const header = (name: string): string | undefined => {
    const value = response.headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  };
  const { body, bodyKind } = readBody(response.body);
  const status = response.statusCode;
  const requestId = header(service.requestIdHeader) ?? null;
  const gone = call.method === 'GET' && (status === 404 || status === 410);
  const { errand, scope, url, correlationId } = call;
  const refusal = {
    service,
    errand,
    scope,
    url,
    status,
    location: header('location'),
    body,
    bodyKind,
    requestId,
    clientRequestId,
    correlationId,
  };
  return { status, gone, body, bytes: response.body, requestId, refusal, header };
}

function readBody(bytes: Uint8Array): { readonly body: unknown; readonly bodyKind: BodyKind } {
  const text = Buffer.from(bytes)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
  if (text === '') return { body: undefined, bodyKind: 'empty' };
  try {
    return { body: JSON.parse(text) as unknown, bodyKind: 'JSON' };
  } catch {
    return { body: undefined, bodyKind: text.startsWith('<') ? 'HTML' : 'text' };
  }
}

/** No answer at all: the connection failed, was cut or was too slow. */
function lost(service: Service, call: ServiceCall, clientRequestId: string, error: unknown): Setback {
  if (!(error instanceof RequestError)) throw error;
  const cause = causeOf(error);
  const code = errorCode(error);
  const { origin } = new URL(call.url);
  const message = `${place(call)}: no answer from ${origin}: ${cause.message} (${service.ownIdHeader} ${clientRequestId})`;
  const facts = { code, clientRequestId, origin };
  if (isCertificateError(error)) {
    throw new ConfigError({
      message,
      hint: 'the certificate of the other end is not trusted here; set source.ca_file to the authority of your proxy',
      facts,
      cause,
    });
  }
  const hint = 'look at the network and source.proxy; the next run goes on where this one stopped';
  return {
    cause: `${code} ${cause.message}`.trim(),
    why: reasonOfCode(code),
    error: new TransientError({ message, hint, facts, cause }),
  };
}

function tooLongError(service: Service, call: ServiceCall, clientRequestId: string): IntegrityError {
  return new IntegrityError({
    message: `${place(call)}: the answer is longer than ${ANSWER_BYTES} bytes (${service.ownIdHeader} ${clientRequestId})`,
    hint: `no documented answer of ${service.name} is that long; look at what answers at ${service.setting}`,
    facts: { clientRequestId, limit: ANSWER_BYTES },
  });
}
