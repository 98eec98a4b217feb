import { ConfigError } from '../../schemas/errors.js';
import type { SqlTransaction } from './destination.js';
import { statement } from './sql-text.js';

/**
 * Refuses to make tables or views under names that somebody else's have: what a user added stays as it is.
 * @throws ConfigError that names them
 */
export async function refuseTakenNames(
  transaction: SqlTransaction,
  dataset: string,
  names: readonly string[],
): Promise<void> {
  const rows = await transaction.rows(statement(transaction.dialect, 'migrate', 'taken names'), [
    dataset,
    names.join(','),
  ]);
  if (rows.length === 0) return;
  const taken = rows.map(({ name }) => name ?? '').join(', ');
  throw new ConfigError({
    message: `dataset ${dataset} has ${taken} already, which the connector did not make and needs the name of`,
    hint: `rename ${rows.length === 1 ? 'it' : 'them'} (ALTER TABLE or ALTER VIEW ... RENAME TO ...) or move it to another schema, then migrate again`,
    facts: { dataset, taken },
  });
}
