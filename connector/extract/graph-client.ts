import { ConfigError, TransientError } from '../../schemas/errors.js';
import type { Report } from '../../schemas/progress.js';
import type { Clock } from '../clock.js';
import { describe, graphError, isRetried, place } from './graph-error.js';
import {
  sendOnce,
  type GraphAnswer,
  type GraphCall,
  type GraphTimeouts,
  type Setback,
} from './graph-request.js';
import type { HttpAgents } from './http-agents.js';
import { GRAPH_PACE, retryDelay } from './retry-delay.js';
import { reasonOfStatus } from './retry-reason.js';
import type { SignIn } from './sign-in.js';

const ATTEMPTS = 10;
/** How long one request is tried again before it is given up. */
const WINDOW_MS = 30 * 60_000;

/** Asks Graph: signed in, in time, with retries; every error names Graph's request id. */
export interface GraphClient {
  /**
   * Sends a request until it succeeds or is given up. The bearer token goes to the configured origin only.
   * @throws ConfigError for what a person must change, TransientError when the attempts or the time are used up.
   */
  request(call: GraphCall): Promise<GraphAnswer>;
}

/** What the client is made of. */
export interface GraphClientOptions {
  readonly graphUrl: string;
  readonly agents: HttpAgents;
  readonly signIn: SignIn;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  readonly timeouts?: GraphTimeouts | undefined;
}

/** Makes a client for one Graph. */
export function createGraphClient(options: GraphClientOptions): GraphClient {
  return { request: (call) => requestUntilDone(options, call) };
}

async function requestUntilDone(options: GraphClientOptions, call: GraphCall): Promise<GraphAnswer> {
  refuseOtherOrigin(options.graphUrl, call);
  const { clock } = options;
  const deadlineMs = Math.min(call.deadlineMs ?? Infinity, clock.monotonicMs() + WINDOW_MS);
  for (let attempt = 1; ; attempt += 1) {
    call.signal?.throwIfAborted();
    const outcome = await attemptOnce(options, call);
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
async function attemptOnce(options: GraphClientOptions, call: GraphCall): Promise<GraphAnswer | Setback> {
  let token: string;
  try {
    token = await options.signIn.token(call.signal);
    const first = await sendOnce(options, call, token);
    if ('error' in first || first.status !== 401) return judged(first);
    token = await options.signIn.renewed(token, call.signal);
  } catch (error) {
    if (error instanceof TransientError) return { cause: error.message, why: 'sign-in', error };
    throw error;
  }
  const second = await sendOnce(options, call, token);
  return judged(second);
}

/** Decides by status, and for a success by its body, what an answer is. */
function judged(answer: GraphAnswer | Setback): GraphAnswer | Setback {
  if ('error' in answer) return answer;
  const { refusal, status } = answer;
  if (answer.gone) return answer;
  const retryAfter = answer.header('retry-after');
  const date = answer.header('date');
  if (status >= 200 && status < 300) {
    if (refusal.errand === 'export' || refusal.bodyKind === 'JSON') return answer;
    const cause = `Graph answered ${describe(refusal)}, where JSON was expected`;
    const error = new TransientError({
      message: `${place(refusal)}: ${cause}`,
      hint: 'a gateway may have answered in place of Graph; the next run goes on where this one stopped',
      facts: { status, requestId: refusal.requestId ?? undefined },
    });
    return { cause, why: 'server', error, retryAfter, date };
  }
  const error = graphError(refusal);
  if (isRetried(status) && error instanceof TransientError) {
    const why = reasonOfStatus(status);
    return { cause: `Graph answered ${describe(refusal)}`, why, error, retryAfter, date };
  }
  throw error;
}

function givenUp(
  call: GraphCall,
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

function refuseOtherOrigin(graphUrl: string, call: GraphCall): void {
  const { origin } = new URL(graphUrl);
  const asked = URL.canParse(call.url) ? new URL(call.url).origin : 'what is no address';
  if (asked === origin) return;
  throw new ConfigError({
    message: `${place(call)}: Graph points to ${asked}, but only ${origin} gets the token`,
    hint: 'if that origin is right, configure it as source.graph_url',
    facts: { origin, asked },
  });
}
