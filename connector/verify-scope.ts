import { rowsDigestText } from '../schemas/rows-digest.js';
import { scopeText, type Scope } from '../schemas/scope.js';
import { STREAMS } from '../schemas/streams.js';
import type { DestinationSession } from './load/destination.js';
import type { ScopeContent } from './load/scope-content.js';
import { proofDifferences, type Difference } from './proof-differences.js';
import { countOf } from './quantity-text.js';
import { recomputeRows } from './recompute-rows.js';

/** What verifying a scope found. */
export interface ScopeVerdict {
  readonly stream: string;
  readonly scope: string;
  readonly outcome: 'proven' | 'differs' | 'not checked';
  /** Why it is not checked, in a few words; empty otherwise. */
  readonly reason: string;
  readonly differences: readonly Difference[];
  readonly loadId: string | null;
  readonly publishedAt: string | null;
  /** Rows that readers see now. */
  readonly rows: number;
  /** Canonical sum of the amount by currency, now. */
  readonly sums: Readonly<Record<string, string>>;
  /** Digest of the rows' values now; null where nothing was read. */
  readonly rowsDigest: string | null;
  /** Digest of the proof as it is stored. */
  readonly proofSha256: string | null;
}

const BEFORE_PROOFS = 'published before proofs were kept';

/**
 * Compares a scope's published snapshot, as its tables are now, with its proof: the proof's own digest, the counts, the
 * sums, each row's hash and key recomputed from its values, and the digest of the rows. Changes nothing.
 */
export async function verifyScope(
  session: DestinationSession,
  scope: Scope,
  signal: AbortSignal,
): Promise<ScopeVerdict> {
  return await session.readScope(scope, async (content) => {
    const { proof } = content;
    if (proof === null) return notPublished(scope, content);
    const { table } = STREAMS[scope.stream];
    const { document } = proof;
    const recomputed = await recomputeRows(content, table, signal);
    const differences = await proofDifferences(proof, content, recomputed);
    const isOld = document.rows_digest === null;
    const outcome = differences.length > 0 ? 'differs' : isOld ? 'not checked' : 'proven';
    return {
      ...{ stream: scope.stream, scope: scopeText(scope), outcome, differences },
      reason: isOld
        ? `${BEFORE_PROOFS}${outcome === 'differs' ? '' : '; its count, sums and row hashes agree'}`
        : '',
      ...{ loadId: document.load_id, publishedAt: document.published_at },
      ...{ rows: content.digest.rows, sums: content.sums },
      ...{ rowsDigest: rowsDigestText(recomputed.digest), proofSha256: proof.sha256 },
    };
  });
}

/** Nothing is proven, so there is nothing to compare; but rows without a snapshot are nobody's. */
function notPublished(scope: Scope, { digest, sums }: ScopeContent): ScopeVerdict {
  const differences: Difference[] = [];
  if (digest.rows > 0) {
    const message = `${countOf(digest.rows, 'row')} and no published snapshot`;
    differences.push({ what: 'rows', message, expected: '0', found: String(digest.rows), keys: [] });
  }
  return {
    ...{ stream: scope.stream, scope: scopeText(scope), differences },
    ...(differences.length > 0
      ? { outcome: 'differs' as const, reason: '' }
      : { outcome: 'not checked' as const, reason: 'nothing is published' }),
    ...{ loadId: null, publishedAt: null, rows: digest.rows, sums, rowsDigest: null, proofSha256: null },
  };
}
