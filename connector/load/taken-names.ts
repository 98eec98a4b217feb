import { ConfigError } from '../../schemas/errors.js';
import type { SqlTransaction } from './destination.js';
import { statement } from './sql-text.js';

/**
 * Refuses to make tables, views or functions under names that somebody else's have: what a user added stays as it is.
 * @throws ConfigError that names them
 */
export async function refuseTakenNames(
  transaction: SqlTransaction,
  dataset: string,
  names: readonly string[],
  kind: 'relation' | 'function' = 'relation',
): Promise<void> {
  const lookup = kind === 'relation' ? 'taken names' : 'taken functions';
  const rows = await transaction.rows(statement(transaction.dialect, 'migrate', lookup), [
    dataset,
    names.join(','),
  ]);
  if (rows.length === 0) return;
  const taken = rows.map(({ name }) => name ?? '').join(', ');
  throw new ConfigError({
    message: `dataset ${dataset} has ${taken} already, which the connector did not make and needs the name of`,
    hint: `rename ${rows.length === 1 ? 'it' : 'them'} (ALTER TABLE, VIEW or FUNCTION ... RENAME TO ...) or move it to another schema, then migrate again`,
    facts: { dataset, taken },
  });
}
