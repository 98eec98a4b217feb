import type { RejectedRecord } from '../../schemas/batch.js';
import type { Destination } from './destination.js';
import { countOf } from './publishing.js';
import { identifier, statement } from './sql-text.js';

/** Hands the rejected records that are kept of a published snapshot to `use`, by blob and line; they can be read once. */
export async function publishedRejected(
  destination: Destination,
  dataset: string,
  loadId: string,
  use: (records: AsyncIterable<RejectedRecord>) => Promise<void>,
): Promise<void> {
  const fills = { dataset: identifier(dataset) };
  const sql = statement(destination.dialect, 'records', 'rejected records', fills);
  await destination.query(sql, (result) => use(recordsOf(result.rows())), [loadId]);
}

async function* recordsOf(rows: AsyncIterable<readonly (string | null)[]>): AsyncGenerator<RejectedRecord> {
  for await (const [blobName, lineNumber, field = null, reason, line, lineBytes, lineSha256] of rows)
    yield {
      blobName: blobName ?? '',
      lineNumber: countOf(lineNumber),
      field,
      reason: reason ?? '',
      line: line ?? '',
      lineBytes: countOf(lineBytes),
      lineSha256: lineSha256 ?? '',
    };
}
