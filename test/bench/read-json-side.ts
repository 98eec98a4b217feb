import { DuckDBInstance } from '@duckdb/node-api';
import type { ColumnType } from '../../schemas/column-type.js';
import { STREAMS } from '../../schemas/streams.js';
import type { BenchFiles } from './bench-files.js';

const { columns, identity, amount } = STREAMS.billed_usage.table;

/** The types that the rival's reader is fastest with; its DECIMAL goes through a double as well. */
const READ_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  decimal: 'DOUBLE',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
};

/**
 * What a user would write instead of us: DuckDB's own `read_json` with typed columns, merged into a table by the
 * columns that identify a line. Nothing is proven, nothing rejected is kept, and money is a double.
 */
export async function mergeReadJson(
  files: BenchFiles,
  path: string,
  memoryLimit: string,
): Promise<{ rows: number; sum: string }> {
  const instance = await DuckDBInstance.fromCache(path, { memory_limit: memoryLimit, threads: '2' });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const fields = columns.map(({ source, type }) => `"${source}": '${READ_TYPES[type]}'`).join(', ');
    const paths = files.blobs.map((blob) => `'${blob.path.replaceAll("'", "''")}'`).join(', ');
    const definitions = columns.map(({ name, type }) => `"${name}" ${READ_TYPES[type]}`).join(', ');
    await connection.run(`CREATE TABLE billed_usage (${definitions})`);
    const renamed = columns.map(({ name, source }) => `"${source}" AS "${name}"`).join(', ');
    const keys = ['invoice_number', ...identity];
    const matched = keys.map((name) => `t."${name}" IS NOT DISTINCT FROM s."${name}"`).join(' AND ');
    await connection.run(`
      MERGE INTO billed_usage t
      USING (
        SELECT ${renamed}
        FROM read_json([${paths}], format = 'newline_delimited', compression = 'gzip', columns = {${fields}})
      ) s
      ON ${matched}
      WHEN MATCHED THEN UPDATE
      WHEN NOT MATCHED THEN INSERT
    `);
    await connection.run('CHECKPOINT');
    const reader = await connection.runAndReadAll(
      `SELECT count(*)::VARCHAR AS records, sum("${amount}")::VARCHAR AS total FROM billed_usage`,
    );
    const [records = null, total = null] = reader.getRowsJson()[0] ?? [];
    return { rows: Number(records), sum: typeof total === 'string' ? total : '' };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
