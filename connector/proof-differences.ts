import {
  NO_ROWS,
  onlyRowHash,
  parseRowsDigest,
  rowsDigestText,
  withoutRows,
  type RowsDigest,
} from '../schemas/rows-digest.js';
import { addDecimals } from './load/add-decimals.js';
import type { RowKey, ScopeContent, StoredProof } from './load/scope-content.js';
import { proofSha256 } from './load/stored-proof.js';
import { countOf } from './quantity-text.js';
import type { NamedRows, RecomputedRows } from './recompute-rows.js';

/** One thing in which a scope's tables are not what its proof says. */
export interface Difference {
  readonly what: 'rows' | 'sum' | 'row hash' | 'line item key' | 'repeated rows' | 'digest' | 'proof';
  /** In one sentence: what, and by how much. */
  readonly message: string;
  readonly expected: string | null;
  readonly found: string | null;
  /** Up to ten of the rows at fault, where they can be told. */
  readonly keys: readonly RowKey[];
}

/**
 * In what a scope's tables differ from its proof: what is recorded of the snapshot, how many rows there are, their sums,
 * each row's own hash and key, rows that occur twice, and the digest of all of them.
 */
export async function proofDifferences(
  proof: StoredProof,
  content: ScopeContent,
  recomputed: RecomputedRows,
): Promise<readonly Difference[]> {
  return [
    ...recordDifferences(proof),
    ...countDifferences(proof, content),
    ...sumDifferences(proof, content),
    ...rowDifferences(recomputed),
    ...(await repeatedRows(content)),
    ...(await digestDifferences(proof, recomputed, content)),
  ];
}

/** What is recorded of the snapshot is what was recorded when it was published, and agrees with itself. */
function recordDifferences({ document, sha256 }: StoredProof): readonly Difference[] {
  const differences: Difference[] = [];
  const add = (message: string, expected: string | null, found: string | null): void => {
    differences.push({ what: 'proof', message, expected, found, keys: [] });
  };
  const found = proofSha256(document);
  if (sha256 !== null && found !== sha256) {
    add('what is recorded in _snapshots or _blobs is not what was published', sha256, found);
  }
  const marks = [document.proof_version, document.rows_digest, sha256];
  if (marks.includes(null) && marks.some((mark) => mark !== null)) {
    add('a part of it was removed from _snapshots', 'the whole proof', null);
  }
  if (document.records_read !== document.records_staged + document.records_rejected) {
    const parts = `${document.records_staged} staged and ${document.records_rejected} rejected`;
    add(`records read are not the staged and the rejected`, String(document.records_read), parts);
  }
  for (const name of ['records_read', 'records_staged', 'records_rejected'] as const) {
    const inBlobs = document.blobs.reduce((sum, blob) => sum + blob[name], 0);
    if (inBlobs !== document[name]) {
      add(`${name} of its blobs do not add up`, String(document[name]), String(inBlobs));
    }
  }
  return differences;
}

function countDifferences({ document }: StoredProof, { digest }: ScopeContent): readonly Difference[] {
  const by = digest.rows - document.records_staged;
  if (by === 0) return [];
  const message = `${countOf(Math.abs(by), 'row')} too ${by > 0 ? 'many' : 'few'}`;
  const [expected, found] = [String(document.records_staged), String(digest.rows)];
  return [{ what: 'rows', message, expected, found, keys: [] }];
}

function sumDifferences({ document }: StoredProof, content: ScopeContent): readonly Difference[] {
  const proven = new Map(document.sums.map(({ currency, sum }) => [currency, sum]));
  const now = new Map(Object.entries(content.sums));
  return [...new Set([...proven.keys(), ...now.keys()])].sort().flatMap((currency): Difference[] => {
    const [expected, found] = [proven.get(currency) ?? '0', now.get(currency) ?? '0'];
    if (expected === found) return [];
    const by = addDecimals(found, negated(expected));
    const message = `the sum is off by ${by.startsWith('-') ? by : `+${by}`} ${currency}`;
    return [
      { what: 'sum', message, expected: `${expected} ${currency}`, found: `${found} ${currency}`, keys: [] },
    ];
  });
}

function negated(decimal: string): string {
  return decimal.startsWith('-') ? decimal.slice(1) : `-${decimal}`;
}

function rowDifferences({ changed, rekeyed }: RecomputedRows): readonly Difference[] {
  const rowsThat = (what: Difference['what'], { rows, keys }: NamedRows): readonly Difference[] => {
    if (rows === 0) return [];
    const message = `${countOf(rows, 'row')} changed: the values do not give the ${what}`;
    return [{ what, message, expected: '0', found: String(rows), keys }];
  };
  return [...rowsThat('row hash', changed), ...rowsThat('line item key', rekeyed)];
}

async function repeatedRows(content: ScopeContent): Promise<readonly Difference[]> {
  const keys = await content.repeated();
  if (keys.length === 0) return [];
  const message = `a key and number occurs more than once`;
  return [
    {
      what: 'repeated rows',
      message,
      expected: '0',
      found: `${keys.length}${keys.length < 10 ? '' : ' or more'}`,
      keys,
    },
  ];
}

/** The rows' values give the digest that was published; where one row too many or too few explains it, it is named. */
async function digestDifferences(
  { document }: StoredProof,
  recomputed: RecomputedRows,
  content: ScopeContent,
): Promise<readonly Difference[]> {
  const expected = document.rows_digest;
  const found = rowsDigestText(recomputed.digest);
  if (expected === null || expected === found) return [];
  const proven = parseRowsDigest(expected);
  const told =
    proven === undefined
      ? { message: 'the digest in _snapshots is none', keys: [] }
      : await explained(withoutRows(recomputed.digest, proven), recomputed, content);
  return [{ what: 'digest', expected, found, ...told }];
}

/** @param by what the rows have more than the proof, or less */
async function explained(
  by: RowsDigest,
  { changed }: RecomputedRows,
  content: ScopeContent,
): Promise<Pick<Difference, 'message' | 'keys'>> {
  if (changed.rows === 0 && by.rows === 1) {
    const hash = onlyRowHash(by);
    const keys = await content.rowsOfHash(hash);
    if (keys.length > 0) return { message: `the row with _row_hash ${hash} is one too many`, keys };
  }
  if (changed.rows === 0 && by.rows === -1) {
    const hash = onlyRowHash(withoutRows(NO_ROWS, by));
    const keys = await content.rowsOfHash(hash);
    const where = keys.length === 0 ? '' : '; one like it is in the table';
    return { message: `the row with _row_hash ${hash} is missing${where}`, keys };
  }
  if (changed.rows > 0 || by.rows !== 0) return { message: 'the rows are not the published ones', keys: [] };
  return { message: 'rows were exchanged for others whose hashes agree with their own values', keys: [] };
}
