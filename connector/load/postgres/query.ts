import type pg from 'pg';
import { ConfigError } from '../../../schemas/errors.js';
import type { QueryResult } from '../destination.js';
import { statement } from '../sql-text.js';
import { queryError } from './postgres-error.js';
import { portableColumn, type PortableColumn } from './portable-type.js';
import { connectAlone, type SessionOptions } from './session.js';

/**
 * Functions that leave the read-only transaction: they open another connection, give a role its rights back, or run
 * a text as a statement, which could hide either.
 */
const ESCAPES =
  /\b(set_config|dblink\w*|query_to_xml\w*|cursor_to_xml\w*|ts_stat|ts_rewrite|crosstab\w*|connectby|xpath_table|lo_export|lo_import)"?(\s|\/\*[\s\S]*?\*\/|--[^\n]*\n)*\(/i;

/** A query, and where it runs. */
export interface AskedQuery {
  readonly place: string;
  /** Names without a schema mean its tables first. */
  readonly dataset: string;
  readonly text: string;
  /** Bound to `$1`, `$2`, ... */
  readonly values?: readonly string[] | undefined;
}

/**
 * Runs one `SELECT` (or `WITH`, `VALUES`, `TABLE`) read-only for real, on a connection of its own that is closed
 * afterwards, and hands its rows to `use` as they come: the statement becomes a cursor, so that nothing else can be
 * said in its place; the text goes over the extended protocol, so that there is only one; the transaction is
 * read-only and rolled back; and a user who could reach the server's files or programs gives those rights up first.
 * @throws ConfigError when the statement is none that may be asked
 */
export async function runQuery<T>(
  options: SessionOptions,
  { place, dataset, text, values = [] }: AskedQuery,
  use: (result: QueryResult) => Promise<T>,
): Promise<T> {
  refuseEscapes(text);
  const client = await connectAlone(options, place);
  try {
    await beginReadOnly(client, dataset);
    await client.query({
      text: `DECLARE partner_billing_query NO SCROLL CURSOR FOR ${text}`,
      values: [...values],
      queryMode: 'extended',
    } as pg.QueryConfig);
    const first = await fetchPage(client);
    const columns = first.fields.map((field) => portableColumn(field));
    return await use({
      columns: columns.map(({ name, type }) => ({ name, type })),
      rows: () => pages(client, first, columns, place),
    });
  } catch (error) {
    throw queryError(error, place);
  } finally {
    await client.query(sql('end query')).catch(() => undefined);
    await client.end().catch(() => undefined);
  }
}

function refuseEscapes(text: string): void {
  const escape = ESCAPES.exec(text)?.[1] ?? (/u&"/i.test(text) ? 'U&"..."' : undefined);
  if (escape === undefined) return;
  throw new ConfigError({
    message: `query: ${escape} is not allowed, because it can leave the read-only transaction`,
    hint: 'use psql for statements that do more than read',
  });
}

async function beginReadOnly(client: pg.Client, dataset: string): Promise<void> {
  await client.query("SELECT set_config('default_transaction_read_only', 'on', false)");
  await client.query(sql('begin query'));
  const { rows } = await client.query<{ reaches_files: string }>(sql('fix read only'));
  await client.query(sql('dataset first'), [dataset]);
  if (rows[0]?.reaches_files === 't') await client.query(sql('lower rights'));
}

async function* pages(
  client: pg.Client,
  first: pg.QueryArrayResult<(string | null)[]>,
  columns: readonly PortableColumn[],
  place: string,
): AsyncGenerator<readonly (string | null)[]> {
  let page = first;
  while (page.rows.length > 0) {
    for (const row of page.rows) {
      yield row.map((value, index) => (value === null ? null : (columns[index]?.format(value) ?? value)));
    }
    try {
      page = await fetchPage(client);
    } catch (error) {
      throw queryError(error, place);
    }
  }
}

function fetchPage(client: pg.Client): Promise<pg.QueryArrayResult<(string | null)[]>> {
  return client.query<(string | null)[]>({ text: sql('fetch'), rowMode: 'array' });
}

function sql(name: string): string {
  return statement('postgres', 'session', name);
}
