import { STREAMS } from '../../schemas/streams.js';
import type { DatasetReading, TextRow } from '../load/destination.js';
import {
  publishedSets,
  recipeOf,
  relatedLines,
  restatementsOf,
  sourceOf,
  usageBehind,
  type UsageBehind,
} from '../load/explained-line.js';
import { archivedLine, type ArchivedLine, type ArchivePlace } from './archived-line.js';

/** Days of usage, and related lines, that one explanation holds at most. */
export const MOST_DAYS = 62;
const MOST_RELATED = 20;

/** Why a line is what it is. Values are texts, decimals canonical. */
export interface Explanation {
  /** The line's columns, its key, load, blob and line number. */
  readonly line: TextRow;
  /** How it is computed; null where no recipe can be tried. */
  readonly recipe: TextRow | null;
  /** The usage behind it; null where there is none to look at, and `noUsage` says why. */
  readonly usage: UsageBehind | null;
  readonly noUsage: string | null;
  /** Other lines of the same event, and credits for the same product. */
  readonly related: readonly TextRow[];
  readonly restated: { readonly ofLine: readonly TextRow[]; readonly ofUsage: readonly TextRow[] };
  /** The snapshot that it came with. */
  readonly source: TextRow | null;
  /** The line as it came. */
  readonly raw: ArchivedLine;
}

/** Explains a line that was found, out of one state of the dataset and the archive. */
export async function explainLine(
  from: DatasetReading,
  line: TextRow,
  archive: ArchivePlace,
): Promise<Explanation> {
  const sets = await publishedSets(from, line['invoice_number'] ?? '');
  const noUsage = whyNoUsage(line, sets);
  const usage = noUsage === null ? await usageBehind(from, line, MOST_DAYS) : null;
  const source = (await sourceOf(from, line)) ?? null;
  return {
    line,
    recipe: (await recipeOf(from, line)) ?? null,
    usage,
    noUsage: noUsage ?? (usage === null ? 'the line lacks one of the ids that usage is joined by' : null),
    related: await relatedLines(from, line, MOST_RELATED),
    restated: await restatementsOf(from, line),
    source,
    raw: await rawOf(line, source, archive),
  };
}

function whyNoUsage(line: TextRow, sets: Readonly<Record<string, string>>): string | null {
  const { billed_usage: usage, billed_reconciliation: lines } = sets;
  if (lines === 'full' && (line['meter_description'] ?? null) === null)
    return 'the line has no meter: it charges no daily usage';
  if (usage === undefined) return 'the usage of the invoice is not loaded';
  if (usage !== 'full')
    return 'the usage was loaded as basic, which cannot be joined to lines: it takes full';
  return null;
}

async function rawOf(line: TextRow, source: TextRow | null, archive: ArchivePlace): Promise<ArchivedLine> {
  if (source === null)
    return { text: null, path: null, missing: 'the load that brought the line is not recorded' };
  return await archivedLine(archive, {
    stream: STREAMS.billed_reconciliation.name,
    manifestId: source['manifest_id'] ?? '',
    eTag: source['etag'] ?? '',
    blob: line['_blob_name'] ?? '',
    sha256: source['sha256'] ?? null,
    lineNumber: Number(line['_line_number'] ?? ''),
  });
}
