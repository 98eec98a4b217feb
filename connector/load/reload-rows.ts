import { SystemError } from '../../schemas/errors.js';
import { scopeLabel, scopeText } from '../../schemas/scope.js';
import type { Table } from '../../schemas/table.js';
import { ownColumns, publishSql, type Publishing } from './publishing.js';
import { nameList, qualified, sameValues, type Fills } from './sql-text.js';

/**
 * Removes the rows that are not where the loads of the scope put them: added or moved into it by hand, moved out of it
 * to wherever in the table, or there twice. Those of a billed table go to its history, as `reloaded`. What of them the
 * snapshot has is staged, and comes back as an added row. Returns how many there were.
 * @throws SystemError when not as many were removed as were kept
 */
export async function removeStrays(publishing: Publishing): Promise<number> {
  const { transaction, request, dataset } = publishing;
  const { table, stream, scope, loadId } = request;
  const fills: Fills = {
    strays: publishSql(publishing, 'strays'),
    history: qualified(dataset, `${table.name}_history`),
    own_columns: nameList(ownColumns(table)),
    own_columns_t: nameList(ownColumns(table), 't'),
  };
  const values = [stream, scopeText(scope)];
  const hasHistory = table.scopedBy === 'invoice';
  const kept = hasHistory
    ? await transaction.run(publishSql(publishing, 'keep strays', fills), [...values, loadId])
    : null;
  const removed = await transaction.run(publishSql(publishing, 'delete strays', fills), values);
  if (kept === null || kept === removed) return removed;
  throw new SystemError({
    message: `${scopeLabel(scope)}: ${kept} strays were kept in history and ${removed} removed`,
    hint: 'this is a defect of the connector, or somebody changed the table meanwhile; nothing was published',
    facts: { stream, scope: scopeText(scope), table: table.name },
  });
}

/** How a published row is compared with a staged one: every column that its hash covers, whatever the stored hash says. */
export function sameFills(table: Table): Fills {
  return {
    same_values: sameValues(
      table.columns.map(({ name }) => name),
      's',
      't',
    ),
  };
}
