import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { STREAM_NAMES, STREAMS } from '../../schemas/streams.js';
import { ONLOOKER } from './left-in-postgres.js';

/** What a reader found of a scope at one moment, when it was another than the moment before. */
export interface SeenTotal {
  readonly source: ReaderSource;
  /** `billed_usage G016907411`. */
  readonly scope: string;
  /** Of the snapshot that is recorded as published; null where none is. */
  readonly eTag: string | null;
  readonly rows: string;
  /** Sum of the amounts, as the database prints it. */
  readonly sum: string;
}

/** Where it looks: the tables in Postgres, the DuckDB file while nobody writes it, and its read copy. */
export type ReaderSource = 'postgres' | 'duckdb' | 'read copy';

/** A process of its own that asks for totals all the while. */
export interface TotalsReader {
  readonly seen: readonly SeenTotal[];
  /** Errors that no reader should meet. */
  readonly errors: readonly string[];
  /** Lets it end; how often it got an answer, by source. */
  end(): Promise<Readonly<Record<ReaderSource, number>>>;
  kill(): void;
}

/** What a scope holds and which snapshot is recorded of it, in one statement: one snapshot of the database. */
const TOTALS = `
  WITH held AS (
    ${STREAM_NAMES.map((stream) => {
      const { scopedBy, currency, amount } = STREAMS[stream].table;
      const scope =
        scopedBy === 'invoice'
          ? 'invoice_number'
          : `substr(CAST(billing_month AS varchar), 1, 7) || '-' || ${currency}`;
      return `SELECT '${stream} ' || ${scope} AS scope, count(*) AS records, sum(${amount}) AS amount FROM csp.${stream} GROUP BY 1`;
    }).join('\n    UNION ALL ')}
  ), recorded AS (
    SELECT s.stream || ' ' || s.scope AS scope, n.etag
    FROM csp._scopes s JOIN csp._snapshots n ON n.load_id = s.load_id
  )
  SELECT coalesce(held.scope, recorded.scope), recorded.etag,
    CAST(coalesce(records, 0) AS varchar), CAST(coalesce(amount, 0) AS varchar)
  FROM held FULL JOIN recorded ON recorded.scope = held.scope`;

const POLL = `
  import { DuckDBInstance } from '@duckdb/node-api';
  import pg from 'pg';
  import { createInterface } from 'node:readline';
  import { setTimeout as wait } from 'node:timers/promises';
  const { url, file, copy, sql } = JSON.parse(process.argv[1]);
  const say = (what) => process.stdout.write(JSON.stringify(what) + '\\n');
  const last = new Map();
  const polls = { postgres: 0, duckdb: 0, 'read copy': 0 };
  let isOver = false;
  function tell(source, rows) {
    polls[source] += 1;
    const found = new Map(rows.map(([scope, eTag, count, sum]) => [source + ' ' + scope, { source, scope, eTag, rows: count, sum }]));
    for (const [key, { scope }] of last)
      if (key.startsWith(source + ' ') && !found.has(key)) found.set(key, { source, scope, eTag: null, rows: '0', sum: '0' });
    for (const [key, now] of found) {
      if (JSON.stringify(last.get(key)) === JSON.stringify(now)) continue;
      last.set(key, now);
      say(now);
    }
  }
  async function pollPostgres() {
    const client = new pg.Client({ connectionString: url, application_name: '${ONLOOKER}' });
    await client.connect();
    while (!isOver) {
      tell('postgres', (await client.query({ text: sql, rowMode: 'array' })).rows);
      await wait(50);
    }
    await client.end();
  }
  async function pollDuckdb(source, path, pauseMs) {
    while (!isOver) {
      try {
        const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY', threads: '1' });
        const connection = await instance.connect();
        try {
          tell(source, (await connection.runAndReadAll(sql)).getRowsJson());
        } finally {
          connection.closeSync();
          instance.closeSync();
        }
      } catch (error) {
        // There is no copy before the first load, and nobody reads a file that is being written.
        if (!/Could not set lock|does not exist/.test(error.message)) say({ error: source + ': ' + error.message });
      }
      await wait(pauseMs);
    }
  }
  createInterface({ input: process.stdin }).on('line', () => (isOver = true)).on('close', () => (isOver = true));
  await Promise.all([pollPostgres(), pollDuckdb('duckdb', file, 1500), pollDuckdb('read copy', copy, 400)])
    .catch((error) => say({ error: error.message }));
  say({ polls });
  process.exit(0);
`;

/** Starts to read the totals of both destinations. */
export function startTotalsReader(from: { url: string; file: string; copy: string }): TotalsReader {
  const argument = JSON.stringify({ ...from, sql: TOTALS });
  const child = spawn(process.execPath, ['--input-type=module', '-e', POLL, argument], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: import.meta.dirname,
  });
  const seen: SeenTotal[] = [];
  const errors: string[] = [];
  let polls: Record<ReaderSource, number> = { postgres: 0, duckdb: 0, 'read copy': 0 };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as SeenTotal | { error: string } | { polls: typeof polls };
    if ('polls' in said) polls = said.polls;
    else if ('error' in said) errors.push(said.error);
    else seen.push(said);
  });
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close');
  return {
    seen,
    errors,
    end: async () => {
      child.stdin.end('end\n');
      await ended;
      return polls;
    },
    kill: () => child.kill('SIGKILL'),
  };
}
