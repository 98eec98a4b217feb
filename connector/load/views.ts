import { createHash } from 'node:crypto';
import { STREAMS } from '../../schemas/streams.js';
import type { SqlTransaction } from './destination.js';
import { countOf, sqlInstant } from './publishing.js';
import { identifier, nameList, statement, viewFiles, type SqlText, type ViewFile } from './sql-text.js';
import { refuseTakenNames } from './taken-names.js';

/**
 * The views of `sql/<dialect>/views` that the dataset lacks or has with another text, in the order of their names.
 * A dataset without the record of views lacks all of them.
 */
export async function pendingViews(
  transaction: SqlTransaction,
  dataset: string,
): Promise<readonly ViewFile[]> {
  const [found] = await transaction.rows(sql(transaction, 'has views', dataset), [dataset]);
  const rows =
    countOf(found?.['records']) === 0
      ? []
      : await transaction.rows(sql(transaction, 'applied views', dataset));
  const applied = new Map(rows.map((row) => [row['name'], row['checksum']]));
  return filledViews(transaction, dataset).filter((view) => applied.get(view.name) !== checksum(view));
}

/**
 * Makes or replaces a view and notes its text. What a user built on it stays: columns are only added at its end.
 * @throws ConfigError when something of that name is there that was not made here
 */
export async function applyView(
  transaction: SqlTransaction,
  dataset: string,
  view: ViewFile,
  now: Date,
): Promise<void> {
  const applied = await transaction.rows(sql(transaction, 'applied views', dataset));
  if (!applied.some(({ name }) => name === view.name))
    await refuseTakenNames(transaction, dataset, [view.name]);
  await transaction.run(view.statement);
  const values = [view.name, checksum(view), sqlInstant(now)];
  await transaction.run(sql(transaction, 'keep view', dataset), values);
}

function filledViews(transaction: SqlTransaction, dataset: string): readonly ViewFile[] {
  const columnsOf = (stream: 'billed_usage' | 'billed_reconciliation'): SqlText =>
    nameList(
      STREAMS[stream].table.columns.map(({ name }) => name),
      't',
    );
  return viewFiles(transaction.dialect, {
    dataset: identifier(dataset),
    usage_columns: columnsOf('billed_usage'),
    reconciliation_columns: columnsOf('billed_reconciliation'),
  });
}

function checksum(view: ViewFile): string {
  return createHash('sha256').update(view.statement).digest('hex');
}

function sql(transaction: SqlTransaction, name: string, dataset: string): SqlText {
  return statement(transaction.dialect, 'migrate', name, { dataset: identifier(dataset) });
}
