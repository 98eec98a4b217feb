import type { Batch, BlobCounts, RejectedRecord } from '../../schemas/batch.js';
import { SystemError } from '../../schemas/errors.js';
import { RowsDigestSum, type RowsDigest } from '../../schemas/rows-digest.js';
import { scopeLabel, scopeText } from '../../schemas/scope.js';
import type { LINEAGE_FIELDS } from '../../schemas/table-arrow.js';
import { directly } from './direct-load.js';
import type { PartsSource } from './destination.js';
import { publishSql, stagingColumns, stagingTable, type Publishing } from './publishing.js';
import { definitions } from './sql-text.js';
import type { StagingTarget } from './staging-target.js';

/** What staging saw of one blob. */
export interface StagedBlob {
  readonly name: string;
  /** Records handed to the destination. */
  staged: number;
  /** Rejected records met. */
  rejected: number;
  /** The line of the first of them. */
  firstRejected?: number;
  /** What the parser counted; absent while the blob is not proven whole. */
  counts?: BlobCounts;
}

/** What staging saw of a snapshot. */
export interface StagedParts {
  readonly blobs: ReadonlyMap<string, StagedBlob>;
  /** Of the row hashes as they were parsed. */
  readonly digest: RowsDigest;
  /** Reasons of rejections, each with its field and how often it was met; at most {@link MAX_REASONS}. */
  readonly reasons: ReadonlyMap<string, number>;
  /** Where the first rejected record is. */
  readonly firstRejected: { readonly blobName: string; readonly lineNumber: number } | undefined;
}

/** Different reasons that are remembered for the message. */
export const MAX_REASONS = 20;

const ROW_HASH = '_row_hash' satisfies keyof typeof LINEAGE_FIELDS;

/** Creates the staging table, temporary and empty. */
export async function createStaging(publishing: Publishing): Promise<StagingTarget> {
  const columns = definitions(stagingColumns(publishing));
  await publishing.transaction.run(publishSql(publishing, 'create staged', { definitions: columns }));
  return stagingTable(publishing.request.table);
}

/**
 * Takes the records of all parts into `target`, in their order; rejected ones go to `_rejected_records`. Batches are not
 * held back: the destination sets the pace.
 * @throws SystemError when a blob yields its counts twice, or anything after them
 * @throws DirectRefused when `target` is the table itself and the database refuses a record
 */
export async function stageParts(
  publishing: Publishing,
  parts: PartsSource,
  target: StagingTarget,
): Promise<StagedParts> {
  const { transaction, request } = publishing;
  const blobs = new Map<string, StagedBlob>();
  const reasons = new Map<string, number>();
  const hashes = new RowsDigestSum();
  const handOn = (step: () => Promise<void>): Promise<void> =>
    target.schema === null ? step() : directly(publishing, step);
  let rejections = 0;
  // Once nothing can be published any more, the rest is still read, so that the error and the package's file of
  // rejected records are complete; but the database is spared it.
  const hopeless = (): boolean =>
    typeof request.rejectedLimit === 'number' && rejections > request.rejectedLimit;
  for await (const part of parts(transaction.rowEncoding(target))) {
    switch (part.kind) {
      case 'batch':
        openBlob(publishing, blobs, part.batch.blobName).staged += part.batch.records.numRows;
        hashes.add(rowHashesOf(part.batch));
        if (!hopeless()) await handOn(() => transaction.stage(target, part.batch));
        break;
      case 'rejected':
        for (const rejected of part.rejected) {
          rejections += 1;
          const blob = openBlob(publishing, blobs, rejected.blobName);
          blob.rejected += 1;
          blob.firstRejected ??= rejected.lineNumber;
          countReason(reasons, rejected);
          // A statement waits for what was staged before it, and raises what was refused of that.
          if (!hopeless()) await handOn(() => keepRejected(publishing, rejected));
        }
        break;
      case 'counts':
        openBlob(publishing, blobs, part.counts.blobName).counts = part.counts;
        break;
    }
  }
  await handOn(() => transaction.endStaging(target));
  return { blobs, digest: hashes.digest(), reasons, firstRejected: firstRejected(publishing, blobs) };
}

/** In the manifest's order of blobs: several of them may be parsed at the same time. */
function firstRejected(
  { request }: Publishing,
  blobs: ReadonlyMap<string, StagedBlob>,
): StagedParts['firstRejected'] {
  for (const { name } of request.blobs) {
    const lineNumber = blobs.get(name)?.firstRejected;
    if (lineNumber !== undefined) return { blobName: name, lineNumber };
  }
  return undefined;
}

/** 16 bytes a record, as the parser hashed it. */
function rowHashesOf({ records }: Batch): Uint8Array {
  const at = records.schema.fields.findIndex(({ name }) => name === ROW_HASH);
  const bytes = records.data.children[at]?.values as Uint8Array | undefined;
  return bytes?.subarray(0, records.numRows * 16) ?? new Uint8Array();
}

function openBlob(publishing: Publishing, blobs: Map<string, StagedBlob>, name: string): StagedBlob {
  const known = blobs.get(name);
  if (known === undefined) {
    const blob: StagedBlob = { name, staged: 0, rejected: 0 };
    blobs.set(name, blob);
    return blob;
  }
  if (known.counts === undefined) return known;
  throw new SystemError({
    message: `${scopeLabel(publishing.request.scope)}: blob ${name} went on after its end`,
    hint: 'this is a defect of the connector; nothing was published',
    facts: { blob: name },
  });
}

function countReason(reasons: Map<string, number>, { field, reason }: RejectedRecord): void {
  const text = field === null ? reason : `${field}: ${reason}`;
  const known = reasons.get(text);
  if (known !== undefined || reasons.size < MAX_REASONS) reasons.set(text, (known ?? 0) + 1);
}

async function keepRejected(publishing: Publishing, rejected: RejectedRecord): Promise<void> {
  const { request, transaction } = publishing;
  await transaction.run(publishSql(publishing, 'keep rejected'), [
    request.loadId,
    request.stream,
    scopeText(request.scope),
    rejected.blobName,
    rejected.lineNumber,
    rejected.field,
    rejected.reason,
    rejected.line,
    rejected.lineBytes,
    rejected.lineSha256,
  ]);
}
