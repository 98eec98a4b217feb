import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { DuckdbConfig } from '../../../schemas/config.js';
import { ConfigError, SystemError } from '../../../schemas/errors.js';
import type { Destination, DestinationOptions, DestinationSession } from '../destination.js';
import { sessionWork } from '../session-work.js';
import { checkFile } from './check.js';
import { duckdbConnection } from './connection.js';
import { openFile, openInMemory, type DuckdbLimits, type OpenDatabase } from './database.js';
import { queryFile } from './query.js';
import { lockRun } from './run-lock.js';
import { waitForFile } from './wait-for-file.js';

/**
 * A DuckDB file as a destination. The file is open only between `open` and the session's `close`; several readers
 * may have it open at once, one writer alone. Reading a file that does not exist finds an empty state and makes
 * nothing; writing makes it.
 */
export function createDuckdbDestination(config: DuckdbConfig, options: DestinationOptions): Destination {
  const { dataset } = config;
  const path = options.path(config.path);
  refuseAmbiguousNames(path, dataset);
  const limits: DuckdbLimits = {
    memoryLimit: config.memory_limit,
    threads: config.threads,
    tempDirectory: config.temp_directory === undefined ? undefined : options.path(config.temp_directory),
  };
  const opened = new Set<DestinationSession>();
  return {
    dialect: 'duckdb',
    label: `duckdb ${path} dataset ${dataset}`,
    lockRun: (holder) => lockRun(path, dataset, holder),
    open: async (mode, { waitMs = options.lockWaitMs } = {}) => {
      const wait = { ...options, lockWaitMs: waitMs };
      const database = await waitForFile(() => openFor(mode, path, limits), wait);
      const connection = duckdbConnection(database, path);
      const made: DestinationSession = {
        ...sessionWork(connection, dataset, options),
        ...(mode === 'read' ? refusingWrites() : {}),
        close: async () => {
          opened.delete(made);
          await connection.close();
        },
      };
      opened.add(made);
      return made;
    },
    check: () => checkFile({ path, dataset, limits }),
    query: (sql, use) => queryFile({ path, dataset, limits, wait: options }, sql, use),
    close: async () => {
      for (const made of [...opened]) await made.close();
    },
  };
}

/**
 * DuckDB calls a file by its name up to the first dot, and cannot tell a dataset of the same name from it.
 * @throws ConfigError when the dataset has the file's name, or one that DuckDB keeps for itself
 */
function refuseAmbiguousNames(path: string, dataset: string): void {
  const fileName = basename(path)
    .split('.')
    .find((part) => part !== '');
  const reserved = ['temp', 'system', 'information_schema', 'pg_catalog'];
  if (fileName?.toLowerCase() !== dataset && !reserved.includes(dataset)) return;
  throw new ConfigError({
    message: `destination: DuckDB cannot have a dataset ${dataset} in ${path}`,
    hint: reserved.includes(dataset)
      ? 'choose another destination.dataset; DuckDB keeps this name for itself'
      : 'give destination.path another file name than the dataset: DuckDB calls the file by it and mistakes one for the other',
    facts: { path, dataset },
  });
}

async function openFor(mode: 'read' | 'write', path: string, limits: DuckdbLimits): Promise<OpenDatabase> {
  if (mode === 'write' || existsSync(path)) return await openFile(path, mode, limits);
  return await openInMemory({ ...limits, tempDirectory: `${path}.tmp` });
}

/** A session that was opened for reading may stand for a file that does not exist: nothing written to it would stay. */
function refusingWrites(): Omit<DestinationSession, 'pendingMigrations' | 'readState' | 'close'> {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new SystemError({
        message: 'a session that was opened for reading was asked to write',
        hint: 'this is a defect of the connector: open the destination for writing',
      }),
    );
  return {
    migrate: refuse,
    publish: refuse,
    recordAnswers: refuse,
    recordInvoiceList: refuse,
    closeMonths: refuse,
    recordNextChecks: refuse,
    recordRefusal: refuse,
    recordRun: refuse,
  };
}
