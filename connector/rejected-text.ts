import type { RejectedRecord } from '../schemas/batch.js';
import type { QueryResult } from './load/destination.js';
import { countOf } from './quantity-text.js';

/** A snapshot that records were rejected of: a published one, or a load package that was refused. */
export interface RejectingSnapshot {
  readonly stream: string;
  readonly scope: string;
  readonly snapshot: 'published' | 'refused';
  readonly eTag: string | null;
  /** Of a published snapshot. */
  readonly loadId?: string;
  /** Folder of a refused load package. */
  readonly folder?: string;
  /** Why it was refused. */
  readonly reason?: string;
  /** Records that were rejected; of a refused package those that were met before it was given up. */
  readonly rejected: number;
}

/** Which snapshot, and how many of its records were rejected, for people. */
export function rejectingHead(of: RejectingSnapshot): string {
  const { stream, scope, snapshot, eTag, rejected, reason, folder } = of;
  const what = `${stream} ${scope}, ${snapshot} at eTag ${eTag ?? 'unknown'}: ${countOf(rejected, 'rejected record')}`;
  return reason === undefined ? what : `${what}\n  refused: ${reason}\n  load package: ${folder ?? ''}`;
}

/** How much of a line a table shows; JSON has all that is kept. */
const LINE_SHOWN = 120;

/** Rejected records as a table for people. */
export function rejectedTable(records: AsyncIterable<RejectedRecord>): QueryResult {
  return {
    columns: [
      { name: 'blob', type: 'VARCHAR' },
      { name: 'line', type: 'BIGINT' },
      { name: 'field', type: 'VARCHAR' },
      { name: 'reason', type: 'VARCHAR' },
      { name: 'text', type: 'VARCHAR' },
    ],
    rows: async function* () {
      for await (const { blobName, lineNumber, field, reason, line } of records) {
        const text = line.length > LINE_SHOWN ? `${line.slice(0, LINE_SHOWN)}...` : line;
        yield [blobName, String(lineNumber), field ?? '', reason, text];
      }
    },
  };
}

/** A snapshot with its rejected records as JSON, in pieces. */
export async function* rejectedJson(
  of: RejectingSnapshot,
  records: AsyncIterable<RejectedRecord>,
): AsyncGenerator<string> {
  yield `${JSON.stringify(of).slice(0, -1)},"records":[`;
  let before = '\n';
  for await (const record of records) {
    yield `${before}${JSON.stringify(record)}`;
    before = ',\n';
  }
  yield ']}';
}
