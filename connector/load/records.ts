import { SystemError } from '../../schemas/errors.js';
import { parseScope, scopeText } from '../../schemas/scope.js';
import { STREAMS, STREAM_NAMES } from '../../schemas/streams.js';
import {
  SCOPE_STATES,
  type PublishedSnapshot,
  type PublishRequest,
  type RecordedState,
  type RunRecord,
  type ScopeAnswer,
  type ScopeState,
  type SqlConnection,
  type SqlTransaction,
  type TextRow,
} from './destination.js';
import { countOf, sqlInstant } from './publishing.js';
import { snapshotCounts, snapshotFacts, snapshotInsert } from './record-snapshot.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/** Tables whose presence says that a dataset can be read. */
const RECORD_TABLES = 4;

/** Everything recorded of a dataset; an empty state when it was never migrated. */
export async function readState(connection: SqlConnection, dataset: string): Promise<RecordedState> {
  return connection.transaction(async (transaction) => {
    const [tables] = await transaction.rows(sql(transaction, 'is migrated', dataset), [dataset]);
    if (countOf(tables?.['records']) < RECORD_TABLES) return { tenantId: null, scopes: [], lastRun: null };
    const [tenant] = await transaction.rows(sql(transaction, 'tenant', dataset));
    const scopes = await transaction.rows(sql(transaction, 'scopes', dataset));
    const [run] = await transaction.rows(sql(transaction, 'last run', dataset));
    return {
      tenantId: tenant?.['tenant_id'] ?? null,
      scopes: scopes.map(scopeState),
      lastRun: run === undefined ? null : runRecord(run),
    };
  });
}

/** Records answers that published nothing; what is published stays recorded as published. */
export async function recordAnswers(
  connection: SqlConnection,
  dataset: string,
  answers: readonly ScopeAnswer[],
): Promise<void> {
  if (answers.length === 0) return;
  await connection.transaction(async (transaction) => {
    for (const answer of answers) await keepAnswer(transaction, dataset, answer);
  });
}

/** Records a snapshot that was refused: its request and why. Recording it twice changes nothing. */
export async function recordRefusal(
  connection: SqlConnection,
  dataset: string,
  request: PublishRequest,
  reason: string,
  kind: string,
): Promise<void> {
  await connection.transaction(async (transaction) => {
    await transaction.run(sql(transaction, 'forget refusal', dataset), [request.loadId]);
    await transaction.run(snapshotInsert(transaction.dialect, dataset), [
      ...snapshotFacts(request),
      ...Array.from({ length: 13 }, () => null),
      ...['refused', kind, reason],
      ...[sqlInstant(request.now), null],
    ]);
    const askedAt = request.now.toISOString();
    await keepAnswer(transaction, dataset, {
      scope: request.scope,
      state: 'refused',
      askedAt,
      answer: reason,
    });
  });
}

/** Records a run, at its start and again at its end. */
export async function recordRun(connection: SqlConnection, dataset: string, run: RunRecord): Promise<void> {
  await connection.transaction(async (transaction) => {
    await transaction.run(sql(transaction, 'keep run', dataset), [
      run.runId,
      sqlInstant(run.startedAt),
      run.finishedAt === null ? null : sqlInstant(run.finishedAt),
      run.connectorVersion,
      run.outcome,
      run.exitCode,
      run.counts,
    ]);
  });
}

async function keepAnswer(transaction: SqlTransaction, dataset: string, answer: ScopeAnswer): Promise<void> {
  await transaction.run(sql(transaction, 'keep answer', dataset), [
    answer.scope.stream,
    scopeText(answer.scope),
    answer.state,
    sqlInstant(answer.askedAt),
    answer.answer,
  ]);
}

function scopeState(row: TextRow): ScopeState {
  const stream = STREAM_NAMES.find((name) => name === row['stream']);
  const state = SCOPE_STATES.find((name) => name === row['state']);
  if (stream === undefined || state === undefined) {
    throw new SystemError({
      message: `_scopes has a row with stream ${row['stream'] ?? ''} and state ${row['state'] ?? ''}`,
      hint: 'it was written by another version of the connector, or by hand',
    });
  }
  return {
    scope: parseScope(stream, STREAMS[stream].table.scopedBy, row['scope'] ?? ''),
    state,
    lastAskedAt: isoInstant(row['last_asked_at']),
    lastAnswer: row['last_answer'] ?? null,
    nextCheckAt: isoInstant(row['next_check_at']),
    snapshot: publishedOf(row),
  };
}

function publishedOf(row: TextRow): PublishedSnapshot | null {
  const [loadId, eTag, publishedAt] = [row['load_id'], row['etag'], isoInstant(row['published_at'])];
  if (typeof loadId !== 'string' || typeof eTag !== 'string' || publishedAt === null) return null;
  return {
    loadId,
    eTag,
    attributeSet: row['attribute_set'] === 'basic' ? 'basic' : 'full',
    publishedAt,
    manifestCreatedAt: isoInstant(row['manifest_created_at']),
    counts: snapshotCounts(row),
    sums: JSON.parse(row['sums'] ?? '{}') as Record<string, string>,
  };
}

function runRecord(row: TextRow): RunRecord {
  const exitCode = row['exit_code'] ?? null;
  return {
    runId: row['run_id'] ?? '',
    startedAt: isoInstant(row['started_at']) ?? '',
    finishedAt: isoInstant(row['finished_at']),
    connectorVersion: row['connector_version'] ?? '',
    outcome: row['outcome'] ?? '',
    exitCode: exitCode === null ? null : countOf(exitCode),
    counts: row['counts'] ?? '{}',
  };
}

/** Both databases print a timestamp without zone as `2026-11-23 22:50:00[.123456]`; ours are UTC. */
function isoInstant(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  return new Date(`${text.replace(' ', 'T')}Z`).toISOString();
}

function sql(transaction: SqlTransaction, name: string, dataset: string): SqlText {
  return statement(transaction.dialect, 'records', name, { dataset: identifier(dataset) });
}
