import { ConnectorError, SystemError } from '../../schemas/errors.js';
import { scopeLabel } from '../../schemas/scope.js';
import type { ConstantColumn } from '../../schemas/row-encoding.js';
import { refusesRepeats } from './own-key.js';
import { createScope } from './scope-rows.js';
import {
  billingMonth,
  countOf,
  countRecords,
  filledColumns,
  ownColumns,
  publishSql,
  type Publishing,
} from './publishing.js';
import { nameList, sortKeys, type Fills } from './sql-text.js';
import type { StagingTarget } from './staging-target.js';

/**
 * A load that went straight into the table cannot be published so: the database refused a row, or rows fell outside of
 * the scope. Loaded by way of the staging table, the same snapshot is published, or told what is wrong with it.
 */
export class DirectRefused extends SystemError {}

/**
 * The table itself as the place for the records of a scope of which nothing is published; null where they must be staged:
 * rows of the scope are in the table, records may carry another invoice number, or the table was altered in a way that a
 * plain append does not honour.
 * @param staging the staging table, which takes records that a primary key would refuse
 */
export async function directTarget(
  publishing: Publishing,
  staging: StagingTarget,
): Promise<StagingTarget | null> {
  const { transaction, request, dataset } = publishing;
  const { table, reload, acceptInvoiceNumbers } = request;
  if (reload || acceptInvoiceNumbers.length > 0) return null;
  const columns = await targetColumns(publishing);
  const hasKey = await refusesRepeats(publishing);
  // Without its key Postgres is no longer as we made it; DuckDB has none.
  if (columns === null || (transaction.dialect === 'postgres' && !hasKey)) return null;
  await createScope(publishing, []);
  await transaction.run(publishSql(publishing, 'read in blocks'));
  const rows = await countRecords(publishing, 'any row of the scope');
  await transaction.run(publishSql(publishing, 'read as planned'));
  if (rows > 0) {
    await transaction.run(publishSql(publishing, 'drop scope'));
    return null;
  }
  const repeats = hasKey ? staging : null;
  return { schema: dataset, name: table.name, table, columns, constants: constantsOf(publishing), repeats };
}

/** The columns of ours in the table's order; null where the table does not take an append of just them. */
async function targetColumns(publishing: Publishing): Promise<readonly string[] | null> {
  const { transaction, request, dataset } = publishing;
  const { table } = request;
  const rows = await transaction.rows(publishSql(publishing, 'columns of target'), [dataset, table.name]);
  const columns = rows.map((row) => row['column_name'] ?? '');
  const own = ownColumns(table);
  const [plain] = await transaction.rows(publishSql(publishing, 'takes an append'), [
    ...[dataset, table.name],
    columns.length === own.length,
  ]);
  if (countOf(plain?.['tables']) !== 1 || !own.every((name) => columns.includes(name))) return null;
  return columns.filter((name) => own.includes(name));
}

function constantsOf({ request }: Publishing): readonly ConstantColumn[] {
  const { loadId } = request;
  const month = billingMonth(request);
  return [
    ...(month === null ? [] : [{ name: 'billing_month', type: 'date', value: month } as const]),
    { name: 'line_item_occurrence', type: 'integer', value: 1 },
    { name: '_load_id', type: 'text', value: loadId },
    { name: '_first_load_id', type: 'text', value: loadId },
  ];
}

/**
 * Does a step of a load that goes straight into the table.
 * @throws DirectRefused for what is an error only of this way
 */
export async function directly<T>(publishing: Publishing, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.kind !== 'system') throw error;
    throw refused(publishing, error.message, error);
  }
}

/** The error that makes {@link DirectRefused} known. */
export function refused({ request }: Publishing, why: string, cause?: unknown): DirectRefused {
  return new DirectRefused({
    message: `${scopeLabel(request.scope)}: not loaded straight into the table: ${why}`,
    hint: 'this is a defect of the connector: it is loaded by way of the staging table then',
    cause,
  });
}

/**
 * Numbers the records of each key that occurs more than once in a first load, in the order of the measures, from 1
 * (architecture.md section 3, "Line items have no id"): those in the table already are numbered anew, those held back
 * are inserted.
 * @throws DirectRefused when a key and number occur twice
 */
export async function numberRepeats(publishing: Publishing, target: StagingTarget): Promise<void> {
  const { transaction, request } = publishing;
  const { table, loadId } = request;
  const fills: Fills = {
    ...(target.repeats === null ? {} : { at_key: publishSql(publishing, `at the key by ${table.scopedBy}`) }),
    measures: nameList(table.measures),
    measures_t: nameList(table.measures, 't'),
    measures_sorted: sortKeys(table.measures),
    columns: nameList(filledColumns(table)),
    columns_s: nameList(filledColumns(table), 's'),
  };
  const run = (name: string, values: readonly (string | null)[] = []): Promise<number> =>
    transaction.run(publishSql(publishing, name, fills), values);
  if (target.repeats !== null) await run('analyze staged');
  await run('create planned of repeats');
  await run('analyze planned');
  await run('renumber repeats');
  if (target.repeats !== null) await run('insert added', [loadId, billingMonth(request)]);
  const repeated = await countRecords(publishing, 'repeated keys of a first load');
  if (repeated > 0) throw refused(publishing, `${repeated} keys and numbers occur twice`);
}
