import { ConfigError, IntegrityError, SystemError } from '../../schemas/errors.js';
import type { ExportRecord } from '../../schemas/load-package.js';
import type { Report } from '../../schemas/progress.js';
import { monthOfPeriod, scopeLabel, type ExportRequest, type Scope } from '../../schemas/scope.js';
import { STREAMS } from '../../schemas/streams.js';
import type { Clock } from '../clock.js';
import type { LoadPackage } from '../load-package.js';
import { atStep } from '../run-step.js';
import type { ServiceClient } from './service-client.js';
import { describe } from './service-error.js';
import type { ServiceAnswer } from './service-request.js';
import { httpDate } from './retry-delay.js';

const INTENTS_KEPT = 20;
const OPERATIONS_PATH = '/reports/partners/billing/operations';
/** A difference of clocks that is worth a word. */
const SKEW_MS = 5 * 60_000;

/** What asking for an export needs. */
export interface ExportContext {
  readonly graphUrl: string;
  readonly client: ServiceClient;
  readonly clock: Clock;
  readonly report: Report;
  readonly pollDeadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** An accepted export: the operation to poll, and what Graph's clock says of the scope. */
export interface AcceptedExport {
  readonly operation: NonNullable<ExportRecord['operation']>;
  /** The scope with its month as fixed by the `Date` of the answer. */
  readonly scope: Scope;
  /** The answer's `Retry-After` and `Date`, for the first poll. */
  readonly retryAfter: string | undefined;
  readonly date: string | undefined;
  readonly warnings: readonly string[];
}

/** The body that asks for an export, in Graph's spelling (api-contract.md 1.3). */
export function exportBody(request: ExportRequest): Record<string, string> {
  const { scope, attributeSet, period } = request;
  if (scope.by === 'invoice') return { invoiceId: scope.invoice, attributeSet };
  if (period === undefined) {
    throw new SystemError({
      message: `${scopeLabel(scope)}: no period to ask for`,
      hint: 'this is a defect of the connector; report it',
    });
  }
  return { currencyCode: scope.currency, billingPeriod: period, attributeSet };
}

/**
 * Asks Graph for an export. The intent is in the package before anything is sent, the operation's address as soon
 * as Graph has answered: after a crash at most one export was asked for in vain.
 * @throws ConfigError when Graph refuses, IntegrityError when its answer names no operation.
 */
export async function requestExport(
  context: ExportContext,
  loadPackage: LoadPackage,
  request: ExportRequest,
): Promise<AcceptedExport> {
  const { clock, client, report, signal } = context;
  const url = `${context.graphUrl}${STREAMS[request.scope.stream].exportPath}`;
  const answer = await client.request({
    method: 'POST',
    url,
    json: exportBody(request),
    errand: 'export',
    scope: request.scope,
    signal,
    beforeSend: async (clientRequestId) => {
      const intents = [
        ...loadPackage.exportRecord.intents,
        { at: clock.now().toISOString(), clientRequestId },
      ];
      await loadPackage.note({ intents: intents.slice(-INTENTS_KEPT) });
      atStep('intent recorded');
    },
  });
  atStep('POST answered');
  const accepted = readAcceptance(context, request, url, answer);
  await loadPackage.note({ operation: accepted.operation, scope: accepted.scope });
  atStep('operation recorded');
  const { id, requestId } = accepted.operation;
  report({
    event: 'export.requested',
    scope: request.scope,
    ...(id === undefined ? {} : { operationId: id }),
    ...(requestId === undefined ? {} : { requestId }),
  });
  return accepted;
}

function readAcceptance(
  context: ExportContext,
  request: ExportRequest,
  url: string,
  answer: ServiceAnswer,
): AcceptedExport {
  const now = context.clock.now();
  const date = answer.header('date');
  const askedAt = httpDate(date ?? '') ?? now;
  const operationUrl = operationAddress(context.graphUrl, request, url, answer);
  const warnings: string[] = [];
  if (httpDate(date ?? '') === null) {
    warnings.push('Graph gave no Date with the export; the month was taken from the clock of this machine');
  } else if (Math.abs(askedAt.getTime() - now.getTime()) > SKEW_MS) {
    warnings.push(
      `the clock of this machine (${now.toISOString()}) differs from Graph's (${askedAt.toISOString()})`,
    );
  }
  const scope = fixedScope(request, askedAt);
  if (scopeLabel(scope) !== scopeLabel(request.scope)) {
    warnings.push(`Graph's date makes it ${scopeLabel(scope)}, not ${scopeLabel(request.scope)} as planned`);
  }
  return {
    operation: {
      url: operationUrl,
      id: new URL(operationUrl).pathname.split('/').at(-1) ?? operationUrl,
      askedAt: askedAt.toISOString(),
      ...(answer.requestId === null ? {} : { requestId: answer.requestId }),
      deadline: new Date(now.getTime() + context.pollDeadlineMs).toISOString(),
    },
    scope,
    retryAfter: answer.header('retry-after'),
    date,
    warnings,
  };
}

/** The month that the words `current` and `last` meant when Graph accepted the export. */
function fixedScope({ scope, period }: ExportRequest, askedAt: Date): Scope {
  if (scope.by === 'invoice' || period === undefined) return scope;
  return { ...scope, month: monthOfPeriod(period, askedAt) };
}

/** From `Location`, `Operation-Location` or the body's id; on the configured origin only. */
function operationAddress(
  graphUrl: string,
  request: ExportRequest,
  url: string,
  answer: ServiceAnswer,
): string {
  const place = `${scopeLabel(request.scope)}: export`;
  const stated = [answer.header('location'), answer.header('operation-location')].find(
    (address) => address !== undefined && address.trim() !== '',
  );
  if (stated === undefined) {
    const id = idOf(answer.body);
    if (id !== null) return `${graphUrl}${OPERATIONS_PATH}/${id}`;
    throw new IntegrityError({
      message: `${place}: Graph accepted it but names no operation: ${describe(answer.refusal)}`,
      hint: 'neither Location nor Operation-Location nor an id in the body; report it to Microsoft with the request id',
      facts: { status: answer.status, requestId: answer.requestId },
    });
  }
  const resolved = URL.canParse(stated, url) ? new URL(stated, url) : null;
  const { origin } = new URL(graphUrl);
  if (resolved?.origin === origin && resolved.username === '') return resolved.href;
  throw new ConfigError({
    message: `${place}: the operation is at ${resolved?.origin ?? 'what is no address'}, but only ${origin} gets the token (request-id ${answer.requestId ?? 'not given'})`,
    hint: 'if that origin is right, configure it as source.graph_url',
    facts: { origin, requestId: answer.requestId },
  });
}

function idOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null;
  const id = Object.entries(body).find(([name]) => name.toLowerCase() === 'id')?.[1] as unknown;
  return typeof id === 'string' && /^[A-Za-z0-9-]{1,100}$/.test(id) ? id : null;
}
