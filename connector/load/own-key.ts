import { primaryKey } from '../../schemas/table.js';
import { countOf, publishSql, type Publishing } from './publishing.js';

/**
 * Whether the database itself refuses a second row of a key and number: Postgres does, as long as nobody took the primary
 * key away that the table was made with.
 */
export async function refusesRepeats({ transaction, request, dataset }: Publishing): Promise<boolean> {
  const { table } = request;
  const sql = publishSql({ transaction, request, dataset }, 'own keys');
  const [row] = await transaction.rows(sql, [dataset, table.name, primaryKey(table).join(',')]);
  return countOf(row?.['records']) > 0;
}
