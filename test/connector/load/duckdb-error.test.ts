import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { duckdbError } from '../../../connector/load/duckdb/duckdb-error.js';
import { IntegrityError } from '../../../schemas/errors.js';

const PATH = join(tmpdir(), 'billing.duckdb');
const LOADING = { doing: 'loading', path: PATH };

describe("DuckDB's errors become ours", () => {
  test.each([
    [
      'IO Error: Could not set lock on file "x": Conflicting lock is held in /usr/bin/node (PID 42). See also',
      'locked',
      'PID 42',
    ],
    [
      'IO Error: Could not set lock on file "x": Conflicting lock is held in /opt/a b/duckdb (PID 42) by user ann. See',
      'locked',
      '/opt/a b/duckdb (PID 42)',
    ],
    [
      'IO Error: Could not set lock on file "x": Conflicting lock is held in PID 42.',
      'locked',
      'another program (PID 42)',
    ],
    [
      'IO Error: Could not set lock on file "x": Operation not supported',
      'config',
      'Operation not supported',
    ],
    [
      'IO Error: Could not write all bytes to file "x": wanted=262144 wrote=0: No space left on device',
      'config',
      'the disk is full',
    ],
    ['IO Error: Could not write file "x": Disk quota exceeded', 'config', 'the disk is full'],
    ['IO Error: Could not write file "x": File too large', 'config', 'the disk is full'],
    [
      'Out of Memory Error: failed to offload data block of size 256.0 KiB (1.0 MiB/1.0 MiB used). max_temp_directory_size',
      'config',
      'the disk is full',
    ],
    [
      'Failed to append: failed to offload data block of size 256.0 KiB (0 bytes/230.3 KiB used).\nmore',
      'config',
      'the disk is full',
    ],
    [
      'Failed to append: could not allocate block of size 256.0 KiB (17.8 MiB/18.0 MiB used)',
      'config',
      'more memory than its limit',
    ],
    [
      'Out of Memory Error: could not allocate block of size 256.0 KiB (125.4 MiB/128.0 MiB used)',
      'config',
      'more memory than its limit',
    ],
    [
      'IO Error: The file "x" exists, but it is not a valid DuckDB database file!',
      'config',
      'not a DuckDB database',
    ],
    [
      'IO Error: Trying to read a database file with version number 99, but we can only read versions between 64 and 67.',
      'config',
      'version number 99',
    ],
    [
      'IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 2 in block',
      'config',
      'checksum',
    ],
    ['IO Error: Cannot open file "x": Permission denied', 'config', 'Permission denied'],
    [
      'Permission Error: Cannot access file "x" - file system operations are disabled by configuration',
      'config',
      'Cannot access file',
    ],
    ['INTERRUPT Error: Interrupted!', 'transient', 'interrupted'],
    ['TransactionContext Error: Conflict on update!', 'transient', 'another transaction'],
    [
      'TransactionContext Error: Catalog write-write conflict on create with "t"',
      'transient',
      'another transaction',
    ],
    [
      'TransactionContext Error: Failed to commit: Could not write all bytes: No space left on device',
      'config',
      'the disk is full',
    ],
    ['TransactionContext Error: Current transaction is aborted (please ROLLBACK)', 'system', 'aborted'],
    [
      'Constraint Error: Duplicate key "invoice: G1" violates primary key constraint.',
      'system',
      'Duplicate key ...',
    ],
    [
      "Conversion Error: Could not convert string 'Con'toso' to INT32\nLINE 1: select",
      'system',
      'Could not convert string ...',
    ],
    ['Catalog Error: Table with name t does not exist!', 'system', 'Table with name t'],
    ['INTERNAL Error: Attempted to dereference unique_ptr that is NULL!', 'system', 'INTERNAL'],
    ['FATAL Error: database has been invalidated because of a previous fatal error', 'system', 'FATAL'],
    ['something without a class', 'system', 'something without a class'],
  ])('%s', (message, kind, part) => {
    const error = duckdbError(new Error(message), LOADING);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(/^loading: /);
    expect(error.message).toContain(part);
    expect(error.message).not.toContain('toso');
    expect(error.hint.length).toBeGreaterThan(10);
    expect(error.cause).toBeInstanceOf(Error);
  });

  test('a full disk says how much is free', () => {
    const error = duckdbError(new Error('IO Error: Could not write: No space left on device'), LOADING);
    expect(error.facts['freeBytes']).toBeGreaterThan(0);
    expect(error.message).toMatch(/\d+ MiB are free/);
  });

  test('a mistake in a statement of a person is theirs, in full; a broken machine is not', () => {
    const asked = { doing: 'query', path: PATH, statementOf: 'person' } as const;
    const mistake = duckdbError(
      new Error('Parser Error: syntax error at or near "SELEKT"\n\nLINE 1: SELEKT'),
      asked,
    );
    expect(mistake).toMatchObject({ kind: 'config', hint: 'mend the statement' });
    expect(mistake.message).toContain('LINE 1: SELEKT');
    expect(duckdbError(new Error('INTERNAL Error: oh'), asked).kind).toBe('system');
    expect(duckdbError(new Error('Out of Memory Error: could not allocate'), asked).hint).toContain(
      'memory_limit',
    );
  });

  test('ours stay as they are', () => {
    const ours = new IntegrityError({ message: 'not whole', hint: 'run again' });
    expect(duckdbError(ours, LOADING)).toBe(ours);
  });
});
