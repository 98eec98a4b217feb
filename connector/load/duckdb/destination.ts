import { existsSync } from 'node:fs';
import type { DuckdbConfig } from '../../../schemas/config.js';
import { SystemError } from '../../../schemas/errors.js';
import type { Destination, DestinationOptions, DestinationSession } from '../destination.js';
import { sessionWork } from '../session-work.js';
import type { MakeFilling } from './batch-stager.js';
import { checkFile } from './check.js';
import { chooseFilling } from './choose-filling.js';
import { openFile, openInMemory, type DuckdbLimits, type OpenDatabase } from './database.js';
import { refuseAmbiguousName, refuseSameFile } from './file-name.js';
import { migrateWithBackup } from './migration-backup.js';
import { queryFile } from './query.js';
import { duckdbReadCopy } from './read-copy.js';
import { openReopenable } from './reopenable.js';
import { lockRun } from './run-lock.js';
import { waitForFile } from './wait-for-file.js';

/**
 * A DuckDB file as a destination. The file is open only between `open` and the session's `close`; several readers
 * may have it open at once, one writer alone. Reading a file that does not exist finds an empty state and makes
 * nothing; writing makes it. Migrating a file that holds anything copies it first.
 * @throws ConfigError when DuckDB could not tell the dataset from the file, or the read copy is the file itself
 */
export function createDuckdbDestination(config: DuckdbConfig, options: DestinationOptions): Destination {
  const { dataset } = config;
  const path = options.path(config.path);
  const copyPath = config.read_copy === undefined ? null : options.path(config.read_copy);
  refuseAmbiguousName('destination.path', path, dataset);
  if (copyPath !== null) {
    refuseAmbiguousName('destination.read_copy', copyPath, dataset);
    refuseSameFile(copyPath, path, dataset);
  }
  const limits: DuckdbLimits = {
    memoryLimit: config.memory_limit,
    threads: config.threads,
    tempDirectory: config.temp_directory === undefined ? undefined : options.path(config.temp_directory),
  };
  const opened = new Set<DestinationSession>();
  let makeFilling: MakeFilling | undefined;
  return {
    dialect: 'duckdb',
    label: `duckdb ${path} dataset ${dataset}`,
    lockRun: (holder) => lockRun(path, dataset, holder),
    readCopy:
      copyPath === null ? null : duckdbReadCopy({ from: path, to: copyPath, dataset, limits, wait: options }),
    open: async (mode, { waitMs = options.lockWaitMs, signal } = {}) => {
      const wait = { ...options, lockWaitMs: waitMs, signal };
      makeFilling ??= chooseFilling(options.report);
      const connection = await openReopenable(
        path,
        () => waitForFile(() => openFor(mode, path, limits), wait),
        makeFilling,
      );
      const work = sessionWork(connection, dataset, options);
      const backup = { source: { path, limits, wait }, clock: options.clock, report: options.report };
      const made: DestinationSession = {
        ...work,
        migrate: () => migrateWithBackup(connection, work, backup),
        ...(mode === 'read' ? refusingWrites() : {}),
        close: async () => {
          opened.delete(made);
          await connection.close();
        },
      };
      opened.add(made);
      return made;
    },
    check: () => checkFile({ path, dataset, limits, readCopy: copyPath }),
    query: (sql, use, values) => queryFile({ path, dataset, limits, wait: options }, sql, use, values),
    close: async () => {
      for (const made of [...opened]) await made.close();
    },
  };
}

async function openFor(mode: 'read' | 'write', path: string, limits: DuckdbLimits): Promise<OpenDatabase> {
  if (mode === 'write' || existsSync(path)) return await openFile(path, mode, limits);
  return await openInMemory({ ...limits, tempDirectory: `${path}.tmp` });
}

/** A session that was opened for reading may stand for a file that does not exist: nothing written to it would stay. */
function refusingWrites(): Omit<
  DestinationSession,
  | 'pendingMigrations'
  | 'readState'
  | 'readProof'
  | 'readScope'
  | 'readStrayRows'
  | 'readStatements'
  | 'readDataset'
  | 'close'
> {
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
    keepSignOff: refuse,
    recordAnswers: refuse,
    recordInvoiceList: refuse,
    keepStatement: refuse,
    closeMonths: refuse,
    recordNextChecks: refuse,
    recordRefusal: refuse,
    recordRun: refuse,
    keepTolerances: refuse,
    purgeHistory: refuse,
  };
}
