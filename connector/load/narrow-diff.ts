import { SystemError } from '../../schemas/errors.js';
import type { RowsDigest } from '../../schemas/rows-digest.js';
import { scopeLabel, scopeText } from '../../schemas/scope.js';
import {
  billingMonth,
  countOf,
  countRecords,
  filledColumns,
  ownColumns,
  publishSql,
  rowsDigestOf,
  unproven,
  type Publishing,
} from './publishing.js';
import { reloadCommand } from '../reload-command.js';
import { refusesRepeats } from './own-key.js';
import { removeStrays, sameFills } from './reload-rows.js';
import { createScope } from './scope-rows.js';
import { nameList, ofEither, qualified, sortKeys, statement, type Fills } from './sql-text.js';

/** How a publish changed the rows of a scope. `staged = inserted + updated + unchanged`. */
export interface RowChanges {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
}

/** The rows that a scope has now. */
export interface PublishedRows {
  /** Those that are compared with what is staged. */
  readonly rows: number;
  /** Rows that a reload found where no load of the scope put them: they are gone already. */
  readonly strays: number;
}

/**
 * Notes which rows the scope has now: keys, numbers, hashes and measures only, never whole rows. Returns how many.
 * For an invoice the scope is every invoice number that the published or the staged snapshot carries. A reload first
 * removes strays, and takes no stored hash on trust.
 * @throws IntegrityError when such rows were written by another scope
 */
export async function readPublished(
  publishing: Publishing,
  invoiceNumbers: Iterable<string>,
): Promise<PublishedRows> {
  const { transaction, request } = publishing;
  const { table, reload } = request;
  await createScope(publishing, invoiceNumbers);
  if (reload && table.scopedBy === 'invoice')
    await refuseOthers(publishing, 'rows that other scopes account for');
  const strays = reload ? await removeStrays(publishing) : 0;
  const measures: Fills = { measures_t: nameList(table.measures, 't') };
  await transaction.run(
    reload
      ? publishSql(publishing, 'create published of a reload', { ...measures, ...sameFills(table) })
      : publishSql(publishing, 'create published', measures),
  );
  if (!reload) await refuseOthers(publishing, 'rows of other scopes');
  await transaction.run(publishSql(publishing, 'analyze published'));
  return { rows: await countRecords(publishing, 'count published'), strays };
}

/**
 * Refuses rows that another scope wrote; for a reload only those that it still accounts for: others were moved here by
 * hand.
 */
async function refuseOthers(publishing: Publishing, name: string): Promise<void> {
  const { scope, stream, table } = publishing.request;
  const others = await publishing.transaction.rows(publishSql(publishing, name), [stream, scopeText(scope)]);
  if (others.length === 0) return;
  const owners = others.map((row) => `${row['value'] ?? ''} (${row['records'] ?? ''})`).join(', ');
  const what = `${table.name} has rows of it written by another scope: ${owners}`;
  const hint = `a record may be in one scope only: see accept_invoice_numbers; if rows were changed by hand: ${reloadCommand(scope)}`;
  throw unproven(publishing, 'ownership', what, hint);
}

/**
 * Compares what is staged with what is published as multisets and plans each difference (architecture.md section
 * 3, "Line items have no id"): first by key and row hash, then within a key in the order of the measures.
 * @param published rows of the scope that {@link readPublished} noted
 */
export async function planChanges(
  publishing: Publishing,
  staged: number,
  published: number,
): Promise<RowChanges> {
  const { transaction, request } = publishing;
  const { measures } = request.table;
  const fills: Fills = {
    measures: nameList(measures),
    measures_of_either: ofEither(measures, 's', 'p'),
    measures_sorted: sortKeys(measures),
  };
  if (published === 0) {
    await transaction.run(publishSql(publishing, 'create planned of a first load', fills));
  } else {
    await transaction.run(publishSql(publishing, 'create unmatched', fills));
    await transaction.run(publishSql(publishing, 'create planned', fills));
    // Without it Postgres expects a handful, and compares each added row with every other.
    await transaction.run(publishSql(publishing, 'analyze planned'));
    await transaction.run(publishSql(publishing, 'number the added'));
  }
  await transaction.run(publishSql(publishing, 'analyze planned'));
  const rows = await transaction.rows(publishSql(publishing, 'count planned'));
  const count = (change: string): number =>
    countOf(rows.find((row) => row['value'] === change)?.['records'] ?? '0');
  const [inserted, updated, deleted] = [count('added'), count('changed'), count('removed')];
  const changes = { inserted, updated, deleted, unchanged: staged - inserted - updated };
  if (changes.unchanged < 0 || changes.unchanged !== published - updated - deleted) {
    throw defect(
      publishing,
      `${staged} staged and ${published} published rows do not fit ${JSON.stringify(changes)}`,
    );
  }
  return changes;
}

/**
 * Makes the planned changes: replaced rows of a billed table go to its history, replaced rows are deleted, new and
 * changed ones written. Unchanged rows are not touched. Then proves the number of rows and that no key and number
 * occurs twice; returns the digest of the rows that the scope has now.
 * @param label what history says of each row instead of `changed` and `removed`; null for these
 */
export async function applyChanges(
  publishing: Publishing,
  changes: RowChanges,
  staged: number,
  label: 'reloaded' | null,
): Promise<RowsDigest> {
  const { transaction, request } = publishing;
  const { table, loadId } = request;
  const own = ownColumns(table);
  const carried = changes.updated > 0 ? await addedByUser(publishing, own) : [];
  const fills: Fills = {
    history: qualified(publishing.dataset, `${table.name}_history`),
    columns: nameList(filledColumns(table)),
    columns_s: nameList(filledColumns(table), 's'),
    own_columns: nameList(own),
    own_columns_t: nameList(own, 't'),
    carried: nameList(carried),
    carried_t: nameList(carried, 't'),
    carried_c: nameList(carried, 'c'),
    digest: statement(transaction.dialect, 'proof', 'digest'),
  };
  const sql = (name: string): string => publishSql(publishing, name, fills);
  const replaced = changes.updated + changes.deleted;
  if (replaced > 0) {
    if (table.scopedBy === 'invoice') {
      expect(
        publishing,
        'kept in history',
        replaced,
        await transaction.run(sql('keep history'), [loadId, label]),
      );
    }
    if (carried.length > 0) await transaction.run(sql('create carried'));
    expect(publishing, 'deleted', replaced, await transaction.run(sql('delete replaced')));
  }
  const values = [loadId, billingMonth(request)];
  if (changes.inserted > 0) {
    expect(publishing, 'inserted', changes.inserted, await transaction.run(sql('insert added'), values));
  }
  if (changes.updated > 0) {
    const name = carried.length > 0 ? 'insert changed with carried' : 'insert changed';
    expect(publishing, 'updated', changes.updated, await transaction.run(sql(name), values));
  }
  const [sums] = await transaction.rows(sql('digest target'));
  const digest = rowsDigestOf(sums);
  expect(publishing, 'there', staged, digest.rows);
  if (replaced + changes.inserted > 0 && !(await refusesRepeats(publishing))) {
    expect(publishing, 'repeated', 0, await countRecords(publishing, 'repeated keys'));
  }
  return digest;
}

async function addedByUser(publishing: Publishing, own: readonly string[]): Promise<readonly string[]> {
  const rows = await publishing.transaction.rows(publishSql(publishing, 'columns of target'), [
    publishing.dataset,
    publishing.request.table.name,
  ]);
  return rows
    .filter((row) => row['is_generated'] !== 'ALWAYS')
    .map((row) => row['column_name'] ?? '')
    .filter((name) => !own.includes(name));
}

function expect(publishing: Publishing, what: string, planned: number, done: number): void {
  if (planned !== done) throw defect(publishing, `${planned} rows should be ${what} and ${done} are`);
}

function defect({ request }: Publishing, what: string): SystemError {
  return new SystemError({
    message: `${scopeLabel(request.scope)}: ${what}`,
    hint: 'this is a defect of the connector, or somebody changed the table meanwhile; nothing was published',
    facts: { stream: request.stream, scope: scopeText(request.scope), table: request.table.name },
  });
}
