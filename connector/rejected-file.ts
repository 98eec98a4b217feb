import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ParquetField, ParquetOutput, ParquetWriter } from 'parquetjs-lite';
import type { RejectedRecord } from '../schemas/batch.js';
import { exists, FILE_MODE, syncFolder } from './durable-file.js';

/** Rejected records kept in one package's file; more are only counted. */
export const KEPT_REJECTED = 10_000;

const text: ParquetField = { type: 'UTF8', statistics: false, compression: 'SNAPPY' };
const SCHEMA: Readonly<Record<string, ParquetField>> = {
  blob_name: text,
  line_number: { type: 'INT32' },
  field: { ...text, optional: true },
  reason: text,
  line: text,
  line_bytes: { type: 'INT64' },
  line_sha256: text,
};
/** A row group is held in memory until it is written: 256 lines of 64 KiB are 16 MiB. */
const ROW_GROUP_ROWS = 256;

/**
 * `rejected.parquet` of a load package: the rejected records of one parse, for a person to query
 * (`select * from 'rejected.parquet'` in DuckDB). Columns: blob_name, line_number, field (null where the whole line
 * is wrong), reason, line, line_bytes, line_sha256. The first {@link KEPT_REJECTED} are kept; the file's key-value
 * metadata says how many were kept (`records_kept`) and how many were given (`records_given`).
 *
 * Written under a temporary name and renamed when whole, with mode 0600. Where nothing was rejected there is no
 * file, and one of an earlier parse is removed. Errors of the disk are raised by `add` or `close`, as they come.
 */
export class RejectedFile {
  private given = 0;
  private kept = 0;
  private output: { readonly sink: FileSink; readonly writer: ParquetWriter } | null = null;

  constructor(private readonly path: string) {}

  /** Adds rejected records, in order. */
  async add(records: readonly RejectedRecord[]): Promise<void> {
    for (const record of records) {
      this.given += 1;
      if (this.kept >= KEPT_REJECTED) continue;
      this.output ??= await openOutput(this.temporaryPath);
      await this.output.writer.appendRow(rowOf(record));
      this.output.sink.throwIfFailed();
      this.kept += 1;
    }
  }

  /** Finishes the file; nothing may be added afterwards. */
  async close(): Promise<void> {
    if (this.output === null) {
      await rm(this.path, { force: true });
      return;
    }
    const { sink, writer } = this.output;
    this.output = null;
    try {
      writer.setMetadata('records_kept', String(this.kept));
      writer.setMetadata('records_given', String(this.given));
      await writer.close();
      await sink.finish();
      await rename(this.temporaryPath, this.path);
      await syncFolder(dirname(this.path));
    } finally {
      await sink.release();
      await rm(this.temporaryPath, { force: true });
    }
  }

  private get temporaryPath(): string {
    return `${this.path}.partial`;
  }
}

/** How many rejected records a file keeps, and how many there were; null where there is no file. */
export async function rejectedCounts(
  path: string,
): Promise<{ readonly kept: number; readonly given: number } | null> {
  if (!(await exists(path))) return null;
  const { default: parquet } = await import('parquetjs-lite');
  const reader = await parquet.ParquetReader.openFile(path);
  try {
    const { records_kept: kept, records_given: given } = reader.getMetadata();
    return { kept: Number(kept), given: Number(given) };
  } finally {
    await reader.close();
  }
}

/** The rejected records that a file keeps, in order; none where there is no file. */
export async function* readRejected(path: string): AsyncGenerator<RejectedRecord> {
  if (!(await exists(path))) return;
  const { default: parquet } = await import('parquetjs-lite');
  const reader = await parquet.ParquetReader.openFile(path);
  try {
    const cursor = reader.getCursor();
    for (let row = await cursor.next(); row !== null; row = await cursor.next()) yield recordOf(row);
  } finally {
    await reader.close();
  }
}

function recordOf(row: Readonly<Record<string, string | number | bigint | undefined>>): RejectedRecord {
  return {
    blobName: String(row['blob_name']),
    lineNumber: Number(row['line_number']),
    field: row['field'] === undefined ? null : String(row['field']),
    reason: String(row['reason']),
    line: String(row['line']),
    lineBytes: Number(row['line_bytes']),
    lineSha256: String(row['line_sha256']),
  };
}

function rowOf(record: RejectedRecord): Record<string, string | number | undefined> {
  return {
    blob_name: record.blobName,
    line_number: record.lineNumber,
    field: record.field ?? undefined,
    reason: record.reason,
    line: record.line,
    line_bytes: record.lineBytes,
    line_sha256: record.lineSha256,
  };
}

async function openOutput(path: string): Promise<{ sink: FileSink; writer: ParquetWriter }> {
  const { default: parquet } = await import('parquetjs-lite');
  const sink = new FileSink(await open(path, 'w', FILE_MODE));
  const writer = await parquet.ParquetWriter.openStream(new parquet.ParquetSchema(SCHEMA), sink, {
    rowGroupSize: ROW_GROUP_ROWS,
  });
  return { sink, writer };
}

/**
 * Writes in order and keeps the first error for whoever waits: the library does not wait for its own first write,
 * and an error given to it there would end the process as an unhandled rejection.
 */
class FileSink implements ParquetOutput {
  private writing: Promise<void> = Promise.resolve();
  private failure: { readonly error: unknown } | null = null;

  constructor(private readonly file: FileHandle) {}

  write(bytes: Buffer, taken: () => void): void {
    this.writing = this.writing
      .then(async () => {
        if (this.failure === null) await this.file.appendFile(bytes);
      })
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .then(taken);
  }

  end(ended: () => void): void {
    this.writing = this.writing.then(ended);
  }

  throwIfFailed(): void {
    if (this.failure !== null) throw this.failure.error;
  }

  async finish(): Promise<void> {
    await this.writing;
    this.throwIfFailed();
    await this.file.sync();
  }

  async release(): Promise<void> {
    await this.file.close();
  }
}
