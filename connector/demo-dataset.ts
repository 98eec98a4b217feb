import { STREAM_NAMES, STREAMS, type Stream, type StreamName } from '../schemas/streams.js';
import { scopeText } from '../schemas/scope.js';
import type { Destination, PublishedSnapshot } from './load/destination.js';
import { identifier, qualified } from './load/sql-text.js';

/** What the database holds of one scope: counted and summed over its rows, not taken from what is recorded. */
export interface DatasetScope {
  readonly scope: string;
  readonly records: number;
  readonly currency: string;
  /** Exact text. */
  readonly sum: string;
  readonly eTag: string;
  /** ISO 8601, UTC. */
  readonly publishedAt: string;
}

/** What the database holds, by stream. */
export type DatasetTables = ReadonlyMap<StreamName, readonly DatasetScope[]>;

/** Counts and sums every table of a dataset by scope, and looks up each scope's published snapshot. */
export async function readDataset(destination: Destination, dataset: string): Promise<DatasetTables> {
  const session = await destination.open('read');
  const state = await session.readState().finally(() => session.close());
  const snapshots = new Map(
    state.scopes.map(({ scope, snapshot }) => [`${scope.stream} ${scopeText(scope)}`, snapshot] as const),
  );
  const tables = new Map<StreamName, readonly DatasetScope[]>();
  for (const name of STREAM_NAMES) {
    const rows = await destination.query(countsSql(STREAMS[name], dataset), async (result) => {
      const found: DatasetScope[] = [];
      for await (const row of result.rows()) found.push(datasetScope(name, row, snapshots));
      return found;
    });
    tables.set(name, rows);
  }
  return tables;
}

function countsSql(stream: Stream, dataset: string): string {
  const { table } = stream;
  const currency = identifier(table.currency);
  const scope =
    table.scopedBy === 'invoice'
      ? identifier('invoice_number')
      : `substr(CAST(${identifier('billing_month')} AS VARCHAR), 1, 7) || '-' || ${currency}`;
  return `SELECT ${scope}, count(*), ${currency}, sum(${identifier(table.amount)})
FROM ${qualified(dataset, table.name)} GROUP BY 1, 3 ORDER BY 1, 3`;
}

function datasetScope(
  stream: StreamName,
  row: readonly (string | null)[],
  snapshots: ReadonlyMap<string, PublishedSnapshot | null>,
): DatasetScope {
  const [scope, records, currency, sum] = row;
  const snapshot = snapshots.get(`${stream} ${scope ?? ''}`);
  return {
    scope: scope ?? '',
    records: Number.parseInt(records ?? '0', 10),
    currency: currency ?? '',
    sum: sum ?? '',
    eTag: snapshot?.eTag ?? '',
    publishedAt: snapshot?.publishedAt ?? '',
  };
}
