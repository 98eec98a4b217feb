import { SystemError } from '../../schemas/errors.js';
import { parseScope, scopeText } from '../../schemas/scope.js';
import { STREAMS, STREAM_NAMES } from '../../schemas/streams.js';
import {
  NOTHING_RECORDED,
  SCOPE_STATES,
  type Agreement,
  type NextCheck,
  type PublishedSnapshot,
  type PublishRequest,
  type RecordedInvoice,
  type RecordedState,
  type RunRecord,
  type ScopeAnswer,
  type ScopeState,
  type SqlConnection,
  type SqlTransaction,
  type TextRow,
} from './destination.js';
import { monthText } from './close-months.js';
import { countOf, isoInstant, sqlInstant } from './publishing.js';
import { knowsSignOffs, readSignOffs } from './sign-offs.js';
import { snapshotCounts, snapshotFacts, snapshotInsert } from './record-snapshot.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/** Tables whose presence says that a dataset can be read. */
const RECORD_TABLES = 4;
/** Tables that came with the fourth migration. */
const INVOICE_TABLES = 3;

/**
 * Everything recorded of a dataset; an empty state when it was never migrated. A dataset of an earlier release is
 * read as migrating would leave it: nothing is known there of invoices, and each scope was last checked when last asked.
 */
export async function readState(connection: SqlConnection, dataset: string): Promise<RecordedState> {
  return connection.transaction(async (transaction) => {
    const [tables] = await transaction.rows(sql(transaction, 'is migrated', dataset), [dataset]);
    if (countOf(tables?.['records']) < RECORD_TABLES) return NOTHING_RECORDED;
    const knowsInvoices = countOf(tables?.['invoice_tables']) === INVOICE_TABLES;
    const read = (name: string): Promise<TextRow[]> => transaction.rows(sql(transaction, name, dataset));
    const [tenant] = await read('tenant');
    const [run] = await read('last run');
    const scopes = await read(knowsInvoices ? 'scopes' : 'scopes of release 0.1');
    const state = {
      ...NOTHING_RECORDED,
      tenantId: tenant?.['tenant_id'] ?? null,
      scopes: scopes.map(scopeState),
      lastRun: run === undefined ? null : runRecord(run),
    };
    if (!knowsInvoices) return state;
    const [list] = await read('invoice list read at');
    return {
      ...state,
      invoices: (await read('invoices')).map(recordedInvoice),
      invoiceListReadAt: isoInstant(list?.['read_at']),
      agreements: (await read('agreements')).map(agreement),
      signOffs: (await knowsSignOffs(transaction, dataset)) ? await readSignOffs(transaction, dataset) : [],
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
      ...Array.from({ length: 15 }, () => null),
      ...['refused', kind, reason],
      ...[sqlInstant(request.now), null],
    ]);
    const askedAt = request.now.toISOString();
    await keepAnswer(transaction, dataset, {
      scope: request.scope,
      state: 'refused',
      askedAt,
      answer: reason,
      checked: true,
    });
  });
}

/** Records when scopes are to be asked for again; a scope that was never asked for has no place for it. */
export async function recordNextChecks(
  connection: SqlConnection,
  dataset: string,
  checks: readonly NextCheck[],
): Promise<void> {
  if (checks.length === 0) return;
  await connection.transaction(async (transaction) => {
    for (const { scope, at } of checks) {
      const values = [scope.stream, scopeText(scope), at === null ? null : sqlInstant(at)];
      await transaction.run(sql(transaction, 'keep next check', dataset), values);
    }
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
    answer.checked,
    answer.allowedEmpty === true,
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
    firstAskedAt: isoInstant(row['first_asked_at']),
    lastAskedAt: isoInstant(row['last_asked_at']),
    lastCheckedAt: isoInstant(row['last_checked_at']),
    lastAnswer: row['last_answer'] ?? null,
    nextCheckAt: isoInstant(row['next_check_at']),
    allowedEmptyAt: isoInstant(row['allowed_empty_at']),
    firstManifestAt: isoInstant(row['first_manifest_at']),
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
    billingMonth: monthText(row['billing_month']),
    counts: snapshotCounts(row),
    sums: JSON.parse(row['sums'] ?? '{}') as Record<string, string>,
  };
}

function recordedInvoice(row: TextRow): RecordedInvoice {
  return {
    invoice: row['invoice_number'] ?? '',
    amendsOf: row['amends_of'] ?? null,
    documentType: row['document_type'] ?? null,
    status: row['status'] ?? null,
    invoiceDate: isoInstant(row['invoice_date']),
    billingMonth: monthText(row['billing_month']),
    currency: row['currency'] ?? null,
    totalCharges: row['total_charges'] ?? null,
    rowHash: row['_row_hash'] ?? '',
  };
}

function agreement(row: TextRow): Agreement {
  const usageLines = row['usage_lines'] ?? null;
  const agrees = row['agrees'] ?? null;
  return {
    invoice: row['invoice_number'] ?? '',
    agrees: agrees === null ? null : isTrue(agrees),
    usageLines: usageLines === null ? null : countOf(usageLines),
  };
}

/** Postgres prints `t`, DuckDB `true`. */
function isTrue(text: string): boolean {
  return text.startsWith('t');
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

function sql(transaction: SqlTransaction, name: string, dataset: string): SqlText {
  return statement(transaction.dialect, 'records', name, { dataset: identifier(dataset) });
}
