/** Runs one statement and returns its rows, every value as text. */
export type RunQuery = (sql: string) => Promise<readonly (readonly (string | null)[])[]>;

/** Tables of which a run more, or another instant, makes another content. */
const OF_RUNS = new Set(['_runs', '_invoice_lists', '_migrations', '_views']);
/** Columns that say when, or in which run or export, and nothing of the data. */
const OF_RUNS_COLUMNS =
  /(_at|^last_answer|^run_id|^operation_id|^manifest_id|^request_ids|^connector_version|^root_directory|^proof_sha256)$/;

/**
 * Everything that a dataset holds, as text: a line for each row, in order, of every table. Ids of loads are replaced by
 * their number in the order of publishing, so that two datasets with the same history have the same content.
 */
export async function contentOf(query: RunQuery, dataset = 'csp'): Promise<string[]> {
  const columns = await query(
    `SELECT c.table_name, c.column_name FROM information_schema.columns c
     JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
     WHERE c.table_schema = '${dataset}' AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`,
  );
  const tables = new Map<string, string[]>();
  for (const [table = '', column = ''] of columns as string[][]) {
    if (OF_RUNS.has(table) || OF_RUNS_COLUMNS.test(column)) continue;
    tables.set(table, [...(tables.get(table) ?? []), column]);
  }
  const selects = [...tables].map(([table, names]) => {
    const texts = names.map((name) => `coalesce(cast("${name}" AS text), 'null')`);
    return `SELECT '${table}' AS of_table, concat_ws('|', ${texts.join(', ')}) AS line FROM ${dataset}."${table}"`;
  });
  const rows = await query(`SELECT of_table, line FROM (${selects.join(' UNION ALL ')}) AS content`);
  const loads = await query(`SELECT load_id FROM ${dataset}._snapshots ORDER BY recorded_at`);
  const numbers = new Map(loads.map(([id], index) => [id, `load ${index + 1}`]));
  const numbered = (line: string): string => line.replace(LOAD_ID, (id) => numbers.get(id) ?? 'a load');
  return [
    ...[...new Set((columns as string[][]).map(([table = '']) => `table ${table}`))],
    ...rows.map(([table, line]) => `${table ?? ''}: ${numbered(line ?? '')}`),
  ].sort();
}

const LOAD_ID = /\d{8}T\d{9}Z-[0-9a-f]{8}/g;
