import type { Config } from '../../schemas/config.js';
import type { Destination } from '../load/destination.js';
import { writeResult, type QueryFormat } from '../query-output.js';

/** What `partner-billing query` is run with. */
export interface QueryOptions {
  readonly config: Config;
  readonly destination: Destination;
  /** One statement. */
  readonly sql: string;
  readonly format: QueryFormat;
  /** A file, absolute or relative to the working directory; standard output where it is absent. */
  readonly output?: string | undefined;
  readonly stdout: NodeJS.WritableStream;
}

const MEBIBYTE = 1024 ** 2;
/** Writing Parquet needs little; the query itself has the memory that is configured. */
const PARQUET_MEMORY = 512 * MEBIBYTE;

/**
 * `partner-billing query`: runs one statement read-only on the destination and writes its result.
 * @throws ConfigError when the statement is wrong or does more than read, or the output cannot be written
 * @throws LockedError when the database is held for longer than `lock_wait`
 */
export async function queryCommand(options: QueryOptions): Promise<void> {
  const { config, destination, sql, format, output, stdout } = options;
  const limits =
    config.destination.type === 'duckdb'
      ? {
          memoryLimit: Math.min(config.destination.memory_limit, PARQUET_MEMORY),
          threads: config.destination.threads,
        }
      : { memoryLimit: PARQUET_MEMORY, threads: 2 };
  await destination.query(sql, (result) => writeResult(result, { format, file: output, stdout, limits }));
}
