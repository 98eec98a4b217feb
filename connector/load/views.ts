import { createHash } from 'node:crypto';
import { STREAMS } from '../../schemas/streams.js';
import type { Dialect, SqlTransaction } from './destination.js';
import { countOf, sqlInstant } from './publishing.js';
import {
  definitions,
  identifier,
  nameList,
  statement,
  viewFiles,
  type SqlText,
  type ViewFile,
} from './sql-text.js';
import { refuseTakenNames } from './taken-names.js';

/**
 * The macros, views and functions of `sql/<dialect>/macros`, `views` and `functions` that the dataset lacks or has with
 * another text, in that order, each kind in the order of its names. A dataset without the record of them lacks all.
 */
export async function pendingViews(
  transaction: SqlTransaction,
  dataset: string,
): Promise<readonly ViewFile[]> {
  return missingOf(transaction, dataset, await appliedViews(transaction, dataset));
}

/**
 * Makes or replaces the macros, views and functions that {@link pendingViews} names and notes their texts; returns their names.
 * What a user built on them stays: columns are only added at a view's end.
 * @throws ConfigError when something of such a name is there that was not made here
 */
export async function applyViews(
  transaction: SqlTransaction,
  dataset: string,
  now: Date,
): Promise<readonly string[]> {
  const applied = await appliedViews(transaction, dataset);
  const missing = missingOf(transaction, dataset, applied);
  const made = missing.filter((view) => !applied.has(view.name));
  for (const kind of ['relation', 'function'] as const) {
    const names = made.filter((view) => (view.kind === 'view') === (kind === 'relation'));
    if (names.length === 0) continue;
    await refuseTakenNames(
      transaction,
      dataset,
      names.map(({ name }) => name),
      kind,
    );
  }
  if (missing.length === 0) return [];
  for (const view of missing) await transaction.run(view.statement);
  // One statement for all: each one alone costs DuckDB more than most views do.
  const texts = [missing.map(({ name }) => name), missing.map(checksum)].map((each) => each.join(','));
  await transaction.run(sql(transaction, 'keep views', dataset), [...texts, sqlInstant(now)]);
  return missing.map(({ kind, name }) => `${kind} ${name}`);
}

/** Names and digests of the texts of what was made here; none in a dataset without the record of them. */
async function appliedViews(
  transaction: SqlTransaction,
  dataset: string,
): Promise<ReadonlyMap<string | null | undefined, string | null | undefined>> {
  const [found] = await transaction.rows(sql(transaction, 'has views', dataset), [dataset]);
  if (countOf(found?.['records']) === 0) return new Map();
  const rows = await transaction.rows(sql(transaction, 'applied views', dataset));
  return new Map(rows.map((row) => [row['name'], row['checksum']]));
}

function missingOf(
  transaction: SqlTransaction,
  dataset: string,
  applied: ReadonlyMap<string | null | undefined, string | null | undefined>,
): readonly ViewFile[] {
  return filledViews(transaction, dataset).filter((view) => applied.get(view.name) !== checksum(view));
}

function filledViews(transaction: SqlTransaction, dataset: string): readonly ViewFile[] {
  const { dialect } = transaction;
  const columnsOf = (stream: BilledStream): SqlText =>
    nameList(
      STREAMS[stream].table.columns.map(({ name }) => name),
      't',
    );
  const rowOf = (stream: BilledStream): SqlText =>
    nameList(
      rowColumns(dialect, stream).map(({ name }) => name),
      't',
    );
  return viewFiles(dialect, {
    dataset: identifier(dataset),
    usage_columns: columnsOf('billed_usage'),
    reconciliation_columns: columnsOf('billed_reconciliation'),
    usage_row: rowOf('billed_usage'),
    reconciliation_row: rowOf('billed_reconciliation'),
    usage_definitions: definitions(rowColumns(dialect, 'billed_usage')),
    reconciliation_definitions: definitions(rowColumns(dialect, 'billed_reconciliation')),
  });
}

type BilledStream = 'billed_usage' | 'billed_reconciliation';

/** Our columns of a billed table in its order, with their types. */
function rowColumns(
  dialect: Dialect,
  stream: BilledStream,
): readonly { readonly name: string; readonly type: SqlText }[] {
  const typed = ([name, type]: readonly [string, string]) => ({
    name,
    type: statement(dialect, 'types', type),
  });
  return [
    ...STREAMS[stream].table.columns.map(({ name, type }) => typed([name, type])),
    ...Object.entries(LINEAGE).map(typed),
  ];
}

const LINEAGE = {
  line_item_key: 'uuid',
  line_item_occurrence: 'integer',
  _row_hash: 'uuid',
  _load_id: 'text',
  _first_load_id: 'text',
  _blob_name: 'text',
  _line_number: 'integer',
  _extra: 'json',
} as const;

function checksum(view: ViewFile): string {
  return createHash('sha256').update(view.statement).digest('hex');
}

function sql(transaction: SqlTransaction, name: string, dataset: string): SqlText {
  return statement(transaction.dialect, 'migrate', name, { dataset: identifier(dataset) });
}
