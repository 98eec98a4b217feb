import type { Destination } from './destination.js';

/** Names of types as docs/tables.md has them, by what a database calls them. */
const TYPES: Readonly<Record<string, string>> = {
  ...{
    VARCHAR: 'text',
    text: 'text',
    'character varying': 'text',
    DATE: 'date',
    date: 'date',
    UUID: 'uuid',
    uuid: 'uuid',
  },
  ...{
    TIMESTAMP: 'timestamp',
    'timestamp without time zone': 'timestamp',
    BOOLEAN: 'boolean',
    boolean: 'boolean',
  },
  ...{ INTEGER: 'integer', integer: 'integer', BIGINT: 'integer', bigint: 'integer' },
  ...{ 'DECIMAL(38,22)': 'decimal', numeric: 'decimal' },
};

/**
 * The columns of every view of a migrated dataset, by view, in their order; a type that docs/tables.md has no word for
 * (a double, a wider integer, another decimal) stands as the database calls it.
 */
export async function viewColumns(
  destination: Destination,
  dataset: string,
): Promise<ReadonlyMap<string, readonly { readonly name: string; readonly type: string }[]>> {
  const sql = `SELECT c.table_name, c.column_name, c.data_type
FROM information_schema.columns c
JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = $1 AND t.table_type = 'VIEW'
ORDER BY c.table_name, c.ordinal_position`;
  const views = new Map<string, { name: string; type: string }[]>();
  await destination.query(
    sql,
    async (result) => {
      for await (const [view, name, type] of result.rows()) {
        const columns = views.get(view ?? '') ?? [];
        columns.push({ name: name ?? '', type: TYPES[type ?? ''] ?? type ?? '' });
        views.set(view ?? '', columns);
      }
    },
    [dataset],
  );
  return views;
}
