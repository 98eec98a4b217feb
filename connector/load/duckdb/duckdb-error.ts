import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  ConfigError,
  ConnectorError,
  LockedError,
  SystemError,
  TransientError,
  type ErrorDetail,
} from '../../../schemas/errors.js';

/** What was being done when DuckDB refused. */
export interface DuckdbFailure {
  /** For the message: `opening ./billing.duckdb`, `loading`. */
  readonly doing: string;
  /** The database file. */
  readonly path: string;
  /** `person` when the statement came from a person (`query`): a mistake in it is then theirs, not a defect of ours. */
  readonly statementOf?: 'connector' | 'person';
}

/** DuckDB names the program where the system lets it, and always the process. */
const LOCK = /Conflicting lock is held in (?:(.+?) \(PID (\d+)\)|PID (\d+))(?: by user ([^.\s]+))?/;

/**
 * Turns an error of DuckDB into one of ours. DuckDB gives no codes: the words before the first colon are the class.
 * An error that is ours already is returned as it is. Texts that DuckDB quotes from rows are left out of the message.
 */
export function duckdbError(thrown: unknown, failure: DuckdbFailure): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const [, duckdbClass = '', rest = text] = /^([A-Za-z ]+?) Error: ([\s\S]*)$/.exec(text) ?? [];
  const facts = { path: failure.path, duckdb: duckdbClass };
  const because = (message: string, hint: string): ErrorDetail => {
    return { message: `${failure.doing}: ${message}`, hint, facts, cause: thrown };
  };
  if (failure.statementOf === 'person' && !MACHINE.has(duckdbClass)) {
    return new ConfigError(because(text.trimEnd(), hintForPerson(rest)));
  }
  switch (duckdbClass) {
    case 'IO':
      return ioError(rest, failure, because);
    case 'Out of Memory':
      return outOfMemory(rest, failure, because);
    case 'INTERRUPT':
      return new TransientError(because('the statement was interrupted', 'the next run loads it again'));
    case 'Transaction':
    case 'TransactionContext':
      return /conflict/i.test(rest)
        ? new TransientError(because('another transaction changed the same rows', 'it is tried again'))
        : unclassified(text, failure, because);
    case 'Permission':
      return new ConfigError(
        because(firstLine(rest), 'this reaches outside of the database, which is not allowed'),
      );
    case 'Connection':
      return new ConfigError(
        because(firstLine(rest), 'the file is open in this process in another way; close it first'),
      );
    default:
      return unclassified(text, failure, because);
  }
}

/** The appender's errors lose their class: "Failed to append: failed to offload data block ...". */
function unclassified(text: string, failure: DuckdbFailure, because: Because): ConnectorError {
  if (FULL.test(text)) return diskFull(text, failure, because);
  if (/could not allocate block|failed to pin block|out of memory/i.test(text))
    return outOfMemory(text, failure, because);
  return defect(withoutValues(firstLine(text)), because);
}

/** What the system, or DuckDB of its folder for spilled data, says where there is no room. */
const FULL =
  /no space left|quota exceeded|disk full|file too large|max_temp_directory_size|failed to offload data block/i;

/** Classes that say something about the machine or about DuckDB, whoever wrote the statement. */
const MACHINE = new Set(['IO', 'Out of Memory', 'INTERRUPT', 'INTERNAL', 'FATAL']);

type Because = (message: string, hint: string) => ErrorDetail;

function ioError(rest: string, failure: DuckdbFailure, because: Because): ConnectorError {
  const held = LOCK.exec(rest);
  if (held !== null) return heldByAnother(held, failure, because);
  if (FULL.test(rest)) return diskFull(rest, failure, because);
  if (/could not set lock|failed to get .*lock/i.test(rest)) {
    const hint =
      'the file system must support locks; keep the database on a local disk, not on a network share';
    return new ConfigError(because(firstLine(rest), hint));
  }
  if (/not a valid DuckDB database/i.test(rest)) {
    return new ConfigError(because('it is not a DuckDB database', 'set destination.path to another file'));
  }
  if (/newer version of DuckDB|version number/i.test(rest)) {
    return new ConfigError(
      because(firstLine(rest), 'the file was written by a newer DuckDB; update the connector'),
    );
  }
  if (/checksum|corrupt/i.test(rest)) {
    return new ConfigError(
      because(firstLine(rest), 'the file is damaged; restore it, or move it away and load again'),
    );
  }
  return new ConfigError(
    because(firstLine(rest), 'check that the file and its folder can be read and written'),
  );
}

function heldByAnother(held: RegExpExecArray, { path }: DuckdbFailure, because: Because): LockedError {
  const [, program = 'another program', named, alone, user = null] = held;
  const pid = Number(named ?? alone);
  const hint = `wait for that program, or close it; readers that open the file read-only do not disturb each other`;
  const detail = because(`${path} is open in ${program} (PID ${pid})`, hint);
  return new LockedError({ ...detail, facts: { path, pid, program, user } });
}

function outOfMemory(rest: string, failure: DuckdbFailure, because: Because): ConnectorError {
  if (FULL.test(rest)) return diskFull(rest, failure, because);
  const hint = 'raise destination.memory_limit, or lower destination.threads';
  return new ConfigError(because(`DuckDB needs more memory than its limit: ${firstLine(rest)}`, hint));
}

/** A person must act: the same publish on the same disk fails again. */
function diskFull(rest: string, failure: DuckdbFailure, because: Because): ConfigError {
  const free = freeBytes(failure.path);
  const left = free === undefined ? '' : `; ${Math.floor(free / 1024 ** 2)} MiB are free beside it`;
  const hint =
    'free space for the database and for destination.temp_directory, which holds what memory does not';
  const detail = because(`the disk is full (${firstLine(rest)})${left}`, hint);
  return new ConfigError({ ...detail, facts: { ...detail.facts, freeBytes: free } });
}

/** Bytes that may still be written beside a file; undefined where the system does not tell. */
export function freeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function defect(message: string, because: Because): SystemError {
  return new SystemError(because(message, 'this is a defect of the connector; report it with this message'));
}

function hintForPerson(rest: string): string {
  if (/disabled by configuration|disabled through configuration|configuration has been locked/i.test(rest)) {
    return 'query only reads the database: files, extensions and settings are out of its reach';
  }
  if (/read-only mode/i.test(rest))
    return 'query only reads; write with a tool of your own while no load runs';
  return 'mend the statement';
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trim() ?? '';
}

/** Conversion and constraint errors quote values of rows; logs carry no customer data. */
function withoutValues(text: string): string {
  return text.replace(/'.*'/, '...').replace(/".*"/, '...');
}
