import { ConfigError, TransientError } from '../../schemas/errors.js';
import type { Report } from '../../schemas/progress.js';
import type { Clock } from '../clock.js';
import { describe, serviceError, isRetried, place } from './service-error.js';
import {
  newRequestId,
  sendOnce,
  type ServiceAnswer,
  type ServiceCall,
  type ServiceTimeouts,
  type Setback,
} from './service-request.js';
import type { HttpAgents } from './http-agents.js';
import { GRAPH_PACE, retryDelay } from './retry-delay.js';
import { reasonOfStatus } from './retry-reason.js';
import type { Service } from './service.js';
import type { SignIn } from './sign-in.js';

const ATTEMPTS = 10;
/** How long one request is tried again before it is given up. */
const WINDOW_MS = 30 * 60_000;

/** Asks one service: signed in, in time, with retries; every error names the service's request id. */
export interface ServiceClient {
  readonly service: Service;
  /**
   * Sends a request until it succeeds or is given up. The bearer token goes to the configured origin only.
   * @throws ConfigError for what a person must change, TransientError when the attempts or the time are used up.
   */
  request(call: ServiceCall): Promise<ServiceAnswer>;
}

/** What the client is made of. */
export interface ServiceClientOptions {
  readonly service: Service;
  readonly agents: HttpAgents;
  readonly signIn: SignIn;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  readonly timeouts?: ServiceTimeouts | undefined;
}

/** Makes a client for one service. */
export function createServiceClient(options: ServiceClientOptions): ServiceClient {
  return { service: options.service, request: (call) => requestUntilDone(options, call) };
}

async function requestUntilDone(options: ServiceClientOptions, call: ServiceCall): Promise<ServiceAnswer> {
  refuseOtherOrigin(options.service, call);
  const { clock } = options;
  const deadlineMs = Math.min(call.deadlineMs ?? Infinity, clock.monotonicMs() + WINDOW_MS);
  const firstId = newRequestId();
  for (let attempt = 1; ; attempt += 1) {
    call.signal?.throwIfAborted();
    const outcome = await attemptOnce(options, call, firstId);
    if (!('error' in outcome)) return outcome;
    const delay = retryDelay({
      attempt,
      attempts: ATTEMPTS,
      remainingMs: deadlineMs - clock.monotonicMs(),
      retryAfter: outcome.retryAfter,
      date: outcome.date,
      now: clock.now(),
      random: options.random(),
      pace: GRAPH_PACE,
    });
    if ('giveUp' in delay) throw givenUp(call, outcome, attempt, delay.giveUp);
    const { requestId } = outcome.error.facts;
    options.report({
      event: 'retried',
      ...(call.scope === undefined ? {} : { scope: call.scope }),
      what: call.errand,
      cause: outcome.cause,
      why: outcome.why ?? 'other',
      attempt,
      waitMs: delay.delayMs,
      ...(typeof requestId === 'string' ? { requestId } : {}),
    });
    await clock.sleep(delay.delayMs, call.signal);
  }
}

/** One attempt; after a 401 it is made once more with a new token. */
async function attemptOnce(
  options: ServiceClientOptions,
  call: ServiceCall,
  firstId: string,
): Promise<ServiceAnswer | Setback> {
  const ownId = (): string => (options.service.keepsOwnId ? firstId : newRequestId());
  let token: string;
  try {
    token = await options.signIn.token(call.signal);
    const first = await sendOnce(options, call, token, ownId());
    if ('error' in first || first.status !== 401) return judged(first);
    token = await options.signIn.renewed(token, call.signal);
  } catch (error) {
    if (error instanceof TransientError) return { cause: error.message, why: 'sign-in', error };
    throw error;
  }
  const second = await sendOnce(options, call, token, ownId());
  return judged(second);
}

/** Decides by status, and for a success by its body, what an answer is. */
function judged(answer: ServiceAnswer | Setback): ServiceAnswer | Setback {
  if ('error' in answer) return answer;
  const { refusal, status } = answer;
  const { name } = refusal.service;
  if (answer.gone) return answer;
  const retryAfter = answer.header('retry-after');
  const date = answer.header('date');
  if (status >= 200 && status < 300) {
    if (refusal.errand === 'export' || refusal.bodyKind === 'JSON') return answer;
    const cause = `${name} answered ${describe(refusal)}, where JSON was expected`;
    const error = new TransientError({
      message: `${place(refusal)}: ${cause}`,
      hint: `a gateway may have answered in place of ${name}; the next run goes on where this one stopped`,
      facts: { status, requestId: refusal.requestId ?? undefined },
    });
    return { cause, why: 'server', error, retryAfter, date };
  }
  const error = serviceError(refusal);
  if (isRetried(status) && error instanceof TransientError) {
    const why = reasonOfStatus(status);
    return { cause: `${name} answered ${describe(refusal)}`, why, error, retryAfter, date };
  }
  throw error;
}

function givenUp(
  call: ServiceCall,
  setback: Setback,
  attempts: number,
  why: 'attempts' | 'deadline',
): TransientError {
  const reason =
    why === 'attempts'
      ? `given up after ${attempts} attempts`
      : `given up, for the next attempt (${attempts + 1}) would come too late`;
  return new TransientError({
    message: `${setback.error.message}; ${reason}`,
    hint: setback.error.hint,
    facts: { ...setback.error.facts, attempts, errand: call.errand },
    cause: setback.error.cause,
  });
}

function refuseOtherOrigin({ name, url, setting }: Service, call: ServiceCall): void {
  const { origin } = new URL(url);
  const address = URL.canParse(call.url) ? new URL(call.url) : null;
  const asked = address === null ? 'what is no address' : address.origin;
  // A name in the address would go along as a second sign-in.
  if (asked === origin && address?.username === '' && address.password === '') return;
  throw new ConfigError({
    message: `${place(call)}: ${name} points to ${asked}, but only ${origin} gets the token`,
    hint: `if that origin is right, configure it as ${setting}`,
    facts: { origin, asked },
  });
}
