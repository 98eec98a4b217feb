import { SystemError } from '../../schemas/errors.js';
import { STREAM_NAMES, STREAMS, type StreamName } from '../../schemas/streams.js';
import type { SqlConnection, SqlTransaction, TextRow } from './destination.js';
import type { PurgedHistory } from './purged-history.js';
import { countOf, sqlInstant } from './publishing.js';
import { identifier, qualified, statement, type SqlText } from './sql-text.js';

/**
 * Removes from the history of the billed tables what was replaced by snapshots published before an instant, and records
 * how far each scope's history was purged, in one transaction. Published rows are never touched. Returns what was removed.
 */
export async function purgeHistory(
  connection: SqlConnection,
  dataset: string,
  before: Date,
  now: Date,
): Promise<readonly PurgedHistory[]> {
  return await connection.transaction(async (transaction) => {
    const purged: PurgedHistory[] = [];
    for (const stream of STREAM_NAMES.filter((name) => STREAMS[name].table.scopedBy === 'invoice'))
      purged.push({ stream, rows: await purgeTable({ transaction, dataset, stream }, before, now) });
    return purged.filter(({ rows }) => rows > 0);
  });
}

interface Purging {
  readonly transaction: SqlTransaction;
  readonly dataset: string;
  readonly stream: StreamName;
}

async function purgeTable(purging: Purging, before: Date, now: Date): Promise<number> {
  const { transaction, stream } = purging;
  const due = await transaction.rows(retentionSql(purging, 'due'), [sqlInstant(before)]);
  if (due.length === 0) return 0;
  const expected = sumOf(due);
  const removed = await transaction.run(retentionSql(purging, 'purge'), [sqlInstant(before)]);
  if (removed !== expected) {
    throw new SystemError({
      message: `${stream}: ${expected} rows of history should be purged and ${removed} are`,
      hint: 'this is a defect of the connector, or somebody changed the table meanwhile; nothing was purged',
      facts: { stream, expected, removed },
    });
  }
  for (const loads of byScope(due).values()) {
    const last = loads.at(-1);
    await transaction.run(retentionSql(purging, 'keep mark'), [
      ...[stream, last?.['scope'] ?? null, last?.['published_at'] ?? null, last?.['load_id'] ?? null],
      ...[sumOf(loads), sqlInstant(now)],
    ]);
  }
  return removed;
}

/** In the order of publishing, as they come. */
function byScope(due: readonly TextRow[]): ReadonlyMap<string, readonly TextRow[]> {
  const scopes = new Map<string, TextRow[]>();
  for (const row of due) {
    const scope = row['scope'] ?? '';
    scopes.set(scope, [...(scopes.get(scope) ?? []), row]);
  }
  return scopes;
}

function sumOf(rows: readonly TextRow[]): number {
  return rows.reduce((sum, row) => sum + countOf(row['records']), 0);
}

function retentionSql({ transaction, dataset, stream }: Purging, name: string): SqlText {
  return statement(transaction.dialect, 'retention', name, {
    dataset: identifier(dataset),
    history: qualified(dataset, `${stream}_history`),
  });
}
