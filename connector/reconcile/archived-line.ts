import { createReadStream } from 'node:fs';
import { ConfigError } from '../../schemas/errors.js';
import { openBody } from '../../transforms/gunzip.js';
import { PARSE_LIMITS } from '../../transforms/parse-blob.js';
import { LineSplitter } from '../../transforms/split-lines.js';
import { archiveStock } from '../archive-stock.js';
import type { LoadPackage } from '../load-package.js';

/** A line of a blob, and the snapshot that it came with. */
export interface LinePlace {
  readonly stream: string;
  readonly manifestId: string;
  readonly eTag: string;
  readonly blob: string;
  /** SHA-256 of the blob when it was published, lower-case hex; null where it is not known. */
  readonly sha256: string | null;
  /** From 1; blank lines count. */
  readonly lineNumber: number;
}

/** Where an archive is; null where none is configured. */
export interface ArchivePlace {
  readonly root: string | null;
  readonly tenantId: string;
  readonly dataset: string;
}

/** The line as it came, or why it cannot be shown. */
export type ArchivedLine =
  | { readonly text: string; readonly path: string; readonly missing: null }
  | { readonly text: null; readonly path: null; readonly missing: string };

/**
 * The line as it came, read out of the archived blob up to its number; nothing is unpacked to disk. A blob that is not
 * the one that was published is not read.
 */
export async function archivedLine(archive: ArchivePlace, place: LinePlace): Promise<ArchivedLine> {
  if (archive.root === null) return missing('no archive is configured (archive:)');
  const found = (await packagesIn(archive.root, archive)).find(
    (one) =>
      one.exportRecord.scope.stream === place.stream &&
      one.manifest()?.id === place.manifestId &&
      one.manifest()?.eTag === place.eTag,
  );
  if (found === undefined) return missing(`the archive has no package of eTag ${place.eTag}`);
  const blob = (await found.blobs()).find(({ name }) => name === place.blob);
  if (blob === undefined) return missing(`the archived package has no whole blob ${place.blob}`);
  if (place.sha256 !== null && blob.sha256 !== place.sha256)
    return missing(`the archived blob ${place.blob} is not the one that was published`);
  const text = await lineOf(blob.name, blob.path, place.lineNumber);
  if (text === null) return missing(`the archived blob has no line ${place.lineNumber}`);
  return { text, path: blob.path, missing: null };
}

async function packagesIn(root: string, choice: ArchivePlace): Promise<readonly LoadPackage[]> {
  try {
    return (await archiveStock(root, choice)).packages;
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

async function lineOf(name: string, path: string, wanted: number): Promise<string | null> {
  const body = await openBody(createReadStream(path), PARSE_LIMITS);
  const lines = new LineSplitter(name, PARSE_LIMITS.lineBytes);
  for await (const chunk of body.chunks) {
    for (const { number, bytes } of lines.push(Buffer.from(chunk)))
      if (number === wanted) return bytes.toString('utf8');
    if (lines.lineNumber > wanted) return null;
  }
  for (const { number, bytes } of lines.end()) if (number === wanted) return bytes.toString('utf8');
  return null;
}

function missing(why: string): ArchivedLine {
  return { text: null, path: null, missing: why };
}
