import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigError, ConnectorError } from '../schemas/errors.js';
import { FILE_MODE } from './durable-file.js';
import { errorCode } from './error-code.js';
import type { QueryResult } from './load/destination.js';
import type { DuckdbLimits } from './load/duckdb/database.js';
import { csvText } from './query-output-csv.js';
import { jsonText } from './query-output-json.js';
import { tableText } from './query-output-table.js';

/** What a query's result can be written as. */
export const QUERY_FORMATS = ['table', 'csv', 'json', 'parquet'] as const;

/** One of {@link QUERY_FORMATS}. */
export type QueryFormat = (typeof QUERY_FORMATS)[number];

/** Where a result goes, and as what. */
export interface QueryOutput {
  readonly format: QueryFormat;
  /** A file, absolute or relative to the working directory; standard output where it is undefined. */
  readonly file: string | undefined;
  readonly stdout: NodeJS.WritableStream;
  /** What the in-memory database that writes Parquet may use. */
  readonly limits: Pick<DuckdbLimits, 'memoryLimit' | 'threads'>;
}

const TEXT_FORMATS = { table: tableText, csv: csvText, json: jsonText } as const;

/**
 * Writes a result. A file appears under its name only when it is whole, readable by its owner only, and replaces an
 * older one; to standard output the result goes as it is read, as fast as its reader takes it. A reader that goes
 * away early (`| head`) ends the output without an error.
 * @throws ConfigError when the file cannot be written, a value fits no Parquet type, or Parquet would go to a terminal
 */
export async function writeResult(result: QueryResult, output: QueryOutput): Promise<void> {
  const { format, file, stdout, limits } = output;
  if (format !== 'parquet') {
    const text = TEXT_FORMATS[format](result);
    await (file === undefined
      ? writeText(text, stdout)
      : writeWhole(file, (path) => writeTextFile(path, text)));
    return;
  }
  const { writeParquet } = await import('./query-output-parquet.js');
  if (file !== undefined) {
    await writeWhole(file, (path) => writeParquet(result, path, limits));
    return;
  }
  if ('isTTY' in stdout && stdout.isTTY === true) throw parquetOnTerminal();
  await inPrivateFolder(tmpdir(), async (folder) => {
    const path = join(folder, 'result.parquet');
    await writeParquet(result, path, limits);
    await writeText(createReadStream(path), stdout);
  });
}

/** Writes pieces to a stream, waiting for each, until they end or nobody reads any more. */
export async function writeText(
  pieces: AsyncIterable<string | Buffer>,
  stdout: NodeJS.WritableStream,
): Promise<void> {
  let broken = false;
  const onError = (): void => void (broken = true);
  stdout.once('error', onError);
  try {
    for await (const piece of pieces) {
      await new Promise<void>((done) => stdout.write(piece, () => done()));
      if (broken || !stdout.writable) return;
    }
  } finally {
    stdout.removeListener('error', onError);
  }
}

async function writeTextFile(path: string, text: AsyncIterable<string>): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    for await (const piece of text) await file.write(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Lets `write` make a file in a private folder beside its place, then moves it there. */
async function writeWhole(file: string, write: (path: string) => Promise<void>): Promise<void> {
  const path = resolve(file);
  try {
    await inPrivateFolder(dirname(path), async (folder) => {
      const made = join(folder, basename(path));
      await write(made);
      await chmod(made, FILE_MODE);
      await rename(made, path);
    });
  } catch (error) {
    if (error instanceof ConnectorError || errorCode(error) === '') throw error;
    throw new ConfigError({
      message: `query: ${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'name a file with --output in a folder that exists, can be written to and has space',
      facts: { path, code: errorCode(error) },
      cause: error,
    });
  }
}

async function inPrivateFolder(parent: string, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(parent, '.partner-billing-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parquetOnTerminal(): ConfigError {
  return new ConfigError({
    message: 'query: Parquet is not for a terminal',
    hint: 'add --output FILE, or send standard output to a file',
  });
}
