import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { LINEAGE_FIELDS } from '../../schemas/table-arrow.js';
import { primaryKey } from '../../schemas/table.js';
import { STREAMS } from '../../schemas/streams.js';
import { OUR_TABLE } from './contents.js';
import type { Done } from './measure.js';
import { withPostgres } from './postgres-client.js';

const { table } = STREAMS.billed_usage;

/** Every column of our table in Postgres; the CSV has them all, ready made. */
export const CSV_COLUMNS = [
  ...table.columns.map(({ name }) => name),
  ...Object.keys(LINEAGE_FIELDS),
  'line_item_occurrence',
  '_load_id',
  '_first_load_id',
  '_blob_name',
];

const KEY = primaryKey(table);
const LIST = CSV_COLUMNS.join(', ');
const RESTATED = 'csp.restated';
const ON_CONFLICT = `ON CONFLICT (${KEY.join(', ')}) DO UPDATE SET ${CSV_COLUMNS.filter(
  (name) => !KEY.includes(name),
)
  .map((name) => `${name} = excluded.${name}`)
  .join(', ')}`;

/** Writes our table as CSV. */
export async function writeCsv(url: string, path: string): Promise<void> {
  await withPostgres(url, async (client) => {
    const rows = client.query(copyTo(`COPY ${OUR_TABLE} (${LIST}) TO STDOUT (FORMAT csv)`));
    await pipeline(rows, createWriteStream(`${path}.unfinished`));
  });
  await rename(`${path}.unfinished`, path);
}

/** What a user would do who has everything decoded already: COPY of a CSV into the table, which has its primary key. */
export async function copyCsv(url: string, path: string): Promise<Done> {
  return { rows: 0, ...(await inOrder(url, path, [{ copy: OUR_TABLE }])) };
}

/**
 * The same with a restated snapshot: COPY to a staging table, then an upsert of all of it.
 * @param onlyChanged leave rows alone that are the same, told by a hash that a CSV does not come with
 */
export async function upsertCsv(url: string, path: string, onlyChanged: boolean): Promise<Done> {
  const differs = onlyChanged ? ' WHERE billed_usage._row_hash <> excluded._row_hash' : '';
  const done = await inOrder(url, path, [
    { sql: `CREATE UNLOGGED TABLE ${RESTATED} (LIKE ${OUR_TABLE})` },
    { copy: RESTATED },
    { sql: `INSERT INTO ${OUR_TABLE} (${LIST}) SELECT ${LIST} FROM ${RESTATED} ${ON_CONFLICT}${differs}` },
    { sql: `DROP TABLE ${RESTATED}` },
  ]);
  return { rows: 0, ...done };
}

/** An empty table like ours, for {@link upsertRows}, and so many of our rows as a client holds them. */
export async function sampleRows(url: string, most: number): Promise<readonly (readonly unknown[])[]> {
  return await withPostgres(url, async (client) => {
    await client.query('CREATE TABLE csp.upserted (LIKE csp.billed_usage INCLUDING ALL)');
    const texts = CSV_COLUMNS.map((name) => `${name}::text`).join(', ');
    const { rows } = await client.query<unknown[]>({
      text: `SELECT ${texts} FROM ${OUR_TABLE} LIMIT $1`,
      values: [most],
      rowMode: 'array',
    });
    return rows;
  });
}

/** What a program does that takes one row after the other: a prepared upsert each, all in one transaction. */
export async function upsertRows(url: string, rows: readonly (readonly unknown[])[]): Promise<Done> {
  const places = CSV_COLUMNS.map((_, index) => `$${index + 1}`).join(', ');
  const text = `INSERT INTO csp.upserted (${LIST}) VALUES (${places}) ${ON_CONFLICT}`;
  await withPostgres(url, async (client) => {
    await client.query('BEGIN');
    for (const values of rows) await client.query({ name: 'upsert', text, values: [...values] });
    await client.query('COMMIT');
  });
  return { rows: rows.length, note: 'a sample: seconds are of these rows' };
}

type Step = { readonly sql: string } | { readonly copy: string };

/** By psql where it is on PATH, else by a connection of this process. */
async function inOrder(url: string, path: string, steps: readonly Step[]): Promise<Pick<Done, 'note'>> {
  const psql = process.env['PATH']?.split(delimiter).some((folder) => existsSync(join(folder, 'psql')));
  if (psql === true) {
    const quoted = `'${path.replaceAll("'", "''")}'`;
    const commands = steps.map((step) =>
      'sql' in step ? step.sql : `\\copy ${step.copy} (${LIST}) FROM ${quoted} WITH (FORMAT csv)`,
    );
    const options = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...commands.flatMap((command) => ['-c', command])];
    const child = spawn('psql', [url, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`psql ended with ${code}`);
    return { note: 'psql' };
  }
  await withPostgres(url, async (client) => {
    for (const step of steps) {
      if ('sql' in step) await client.query(step.sql);
      else
        await pipeline(
          createReadStream(path, { highWaterMark: 2 ** 20 }),
          client.query(copyFrom(`COPY ${step.copy} (${LIST}) FROM STDIN (FORMAT csv)`)),
        );
    }
  });
  return { note: 'pg-copy-streams: no psql on PATH' };
}
