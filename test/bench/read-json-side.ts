import type { ColumnType } from '../../schemas/column-type.js';
import { STREAMS } from '../../schemas/streams.js';
import type { BenchFiles } from './bench-files.js';
import { withDuckdb, type DuckdbPlace } from './duckdb-contents.js';
import type { Done } from './measure.js';
import type { Money, RivalKey } from './rival-kinds.js';

const { columns, identity, measures } = STREAMS.billed_usage.table;

/** Table of the rival. */
export const RIVAL_TABLE = 'billed_usage';

/**
 * What a user would write instead of us: DuckDB's own `read_json` with typed columns into a new table of a database
 * file. Nothing is proven, and nothing that is wrong is kept aside.
 */
export async function readJson(
  files: BenchFiles,
  place: DuckdbPlace,
  money: Money,
  key: RivalKey,
): Promise<Done> {
  return await withDuckdb(place, async (connection) => {
    await connection.run(`CREATE TABLE ${RIVAL_TABLE} AS ${linesOf(files, money, key)}`);
    await connection.run('CHECKPOINT');
    return { rows: files.rows };
  });
}

/** The same with a restated export, merged into what is there. */
export async function mergeReadJson(
  files: BenchFiles,
  place: DuckdbPlace,
  money: Money,
  key: RivalKey,
): Promise<Done> {
  const keys = ['invoice_number', ...identity, ...(key === 'identity' ? [] : ['occurrence'])];
  const matched = keys.map((name) => `t."${name}" IS NOT DISTINCT FROM s."${name}"`).join(' AND ');
  return await withDuckdb(place, async (connection) => {
    await connection.run(`
      MERGE INTO ${RIVAL_TABLE} t
      USING (${linesOf(files, money, key)}) s
      ON ${matched}
      WHEN MATCHED THEN UPDATE
      WHEN NOT MATCHED THEN INSERT
    `);
    await connection.run('CHECKPOINT');
    return { rows: files.rows };
  });
}

function linesOf(files: BenchFiles, money: Money, key: RivalKey): string {
  const types: Readonly<Record<ColumnType, string>> = {
    text: 'VARCHAR',
    decimal: money,
    date: 'DATE',
    timestamp: 'TIMESTAMP',
  };
  const fields = columns.map(({ source, type }) => `"${source}": '${types[type]}'`).join(', ');
  const paths = files.blobs.map((blob) => `'${blob.path.replaceAll("'", "''")}'`).join(', ');
  const renamed = columns.map(({ name, source }) => `"${source}" AS "${name}"`).join(', ');
  const sources = new Map(columns.map(({ name, source }) => [name, `"${source}"`]));
  const fieldsOf = (names: readonly string[]): string =>
    names.map((name) => sources.get(name) ?? '').join(', ');
  const number = `row_number() OVER (PARTITION BY ${fieldsOf(['invoice_number', ...identity])} ORDER BY ${fieldsOf(measures)})`;
  const occurrence = key === 'identity' ? '' : `, ${number} AS "occurrence"`;
  return `SELECT ${renamed}${occurrence}
    FROM read_json([${paths}], format = 'newline_delimited', compression = 'gzip', columns = {${fields}})`;
}
