import { IntegrityError, TransientError } from '../../schemas/errors.js';
import { bodyProblems, operationSchema, type Operation } from '../../schemas/graph.js';
import type { Report } from '../../schemas/progress.js';
import { scopeLabel, type Scope } from '../../schemas/scope.js';
import type { Clock } from '../clock.js';
import { atStep } from '../run-step.js';
import { ExportGone } from './export-turn.js';
import type { ServiceClient } from './service-client.js';
import type { ServiceAnswer } from './service-request.js';
import { standingOf, statusText } from './operation-status.js';
import {
  GRAPH_PACE,
  LONGEST_STATED_MS,
  SHORTEST_STATED_MS,
  statedDelayMs,
  retryDelay,
} from './retry-delay.js';

/** What polling needs. */
export interface PollContext {
  readonly client: ServiceClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  readonly signal?: AbortSignal | undefined;
}

/** The operation that is polled. */
export interface PolledOperation {
  readonly url: string;
  readonly scope: Scope;
  /** By the monotonic clock: after it the operation is given up. */
  readonly deadlineMs: number;
  /** What the answer to the export said about the first poll; without a `Retry-After` it is made at once. */
  readonly retryAfter?: string | undefined;
  readonly date?: string | undefined;
}

/** How an operation ended. */
export type OperationEnd =
  | { readonly kind: 'succeeded'; readonly body: unknown; readonly requestId: string | null }
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly message: string;
      readonly requestId: string | null;
    };

/**
 * Polls an operation until it ends, waiting as Graph says or else 10 s growing to 60 s.
 * @throws ExportGone on 404 and 410, TransientError when it still runs at the deadline, IntegrityError when at the
 * deadline its status is one that nobody knows, which is quoted.
 */
export async function pollOperation(context: PollContext, polled: PolledOperation): Promise<OperationEnd> {
  const { client, clock, report, signal } = context;
  const { scope, url, deadlineMs } = polled;
  await waitForFirst(context, polled);
  for (let attempt = 1; ; attempt += 1) {
    const answer = await client.request({ method: 'GET', url, errand: 'poll', scope, signal, deadlineMs });
    if (answer.gone) throw gone(answer);
    const operation = readOperation(answer.body);
    const end = endOf(operation, answer);
    const status = operation === null ? 'no operation' : statusText(operation);
    const seen = { event: 'export.polled', scope, status } as const;
    const traced = answer.requestId === null ? {} : { requestId: answer.requestId };
    if (end !== null) {
      report({ ...seen, waitMs: 0, ...traced });
      return end;
    }
    const delay = retryDelay({
      attempt,
      attempts: Infinity,
      remainingMs: deadlineMs - clock.monotonicMs(),
      retryAfter: answer.header('retry-after'),
      date: answer.header('date'),
      now: clock.now(),
      random: context.random(),
      pace: GRAPH_PACE,
    });
    if ('giveUp' in delay) throw atDeadline(scope, operation, answer, status);
    report({ ...seen, waitMs: delay.delayMs, ...traced });
    atStep('mid-poll');
    await clock.sleep(delay.delayMs, signal);
  }
}

/** Reads a body as an operation; null where it is none. */
export function readOperation(body: unknown): Operation | null {
  const parsed = operationSchema.safeParse(body);
  return parsed.success ? parsed.data : null;
}

/** The turn to take when an operation or a manifest is not there any more. */
export function gone(answer: ServiceAnswer): ExportGone {
  return new ExportGone(
    `Graph answered ${answer.status} for the ${answer.refusal.errand === 'manifest' ? 'manifest' : 'operation'} (request-id ${answer.requestId ?? 'not given'})`,
    { requestId: answer.requestId },
  );
}

async function waitForFirst({ clock, signal }: PollContext, polled: PolledOperation): Promise<void> {
  const stated = statedDelayMs({ retryAfter: polled.retryAfter, date: polled.date, now: clock.now() });
  if (stated === null) return;
  const bounded = Math.min(Math.max(stated, SHORTEST_STATED_MS), LONGEST_STATED_MS);
  await clock.sleep(Math.min(bounded, Math.max(polled.deadlineMs - clock.monotonicMs(), 0)), signal);
}

function endOf(operation: Operation | null, { body, requestId }: ServiceAnswer): OperationEnd | null {
  if (operation === null) return null;
  switch (standingOf(operation)) {
    case 'succeeded':
      return { kind: 'succeeded', body, requestId };
    case 'failed': {
      const { code = '', message = '' } = operation.error ?? {};
      const said = message.replace(/\s+/g, ' ').slice(0, 500);
      return {
        kind: 'failed',
        code,
        message: said === '' ? `status ${statusText(operation)}` : said,
        requestId,
      };
    }
    case 'running':
    case 'unknown':
      return null;
  }
}

function atDeadline(
  scope: Scope,
  operation: Operation | null,
  answer: ServiceAnswer,
  status: string,
): TransientError | IntegrityError {
  const requestId = answer.requestId ?? 'not given';
  const facts = { status, requestId: answer.requestId };
  if (operation !== null && standingOf(operation) === 'running') {
    return new TransientError({
      message: `${scopeLabel(scope)}: the export still runs at limits.poll_deadline: ${status} (request-id ${requestId})`,
      hint: 'the next run asks for a new export; raise limits.poll_deadline if this happens often',
      facts,
    });
  }
  const problem =
    operation === null ? operationProblem(answer.body) : `status ${JSON.stringify(status)} is not known`;
  return new IntegrityError({
    message: `${scopeLabel(scope)}: how the export ended is unknown at limits.poll_deadline: ${problem} (request-id ${requestId})`,
    hint: 'Graph may have a new status word: look for a newer connector, or report it with this message',
    facts,
  });
}

function operationProblem(body: unknown): string {
  const parsed = operationSchema.safeParse(body);
  return parsed.success ? 'no status' : bodyProblems(parsed.error);
}
