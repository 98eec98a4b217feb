import { rowsDigestText } from '../schemas/rows-digest.js';
import { scopeLabel, scopeText, type Scope } from '../schemas/scope.js';
import { STREAMS } from '../schemas/streams.js';
import { addDecimals } from './load/add-decimals.js';
import type { DestinationSession } from './load/destination.js';
import { recomputeRows } from './recompute-rows.js';
import { sumsText } from './summary-text.js';

/** What a destination holds of a scope now; the digest is of hashes recomputed from the rows' values. */
export interface ScopeHolding {
  readonly eTag: string | null;
  readonly rows: number;
  readonly rowsDigest: string;
  readonly sums: Readonly<Record<string, string>>;
}

/** One scope in two destinations. */
export interface ScopeComparison {
  readonly stream: string;
  readonly scope: string;
  readonly outcome: 'same' | 'differs' | 'only here' | 'only there';
  /** In a few words what differs; empty where nothing does. */
  readonly detail: string;
  readonly here: ScopeHolding | null;
  readonly there: ScopeHolding | null;
}

/** What `verify --against --json` prints. */
export interface DatasetComparison {
  /** Names of the destinations, without passwords. */
  readonly here: string;
  readonly there: string;
  readonly scopes: readonly ScopeComparison[];
}

/** What is held of the scopes given, by scope as `scopeLabel` prints it; one that is not published is left out. */
export async function readHoldings(
  session: DestinationSession,
  scopes: readonly Scope[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ScopeHolding>> {
  const holdings = new Map<string, ScopeHolding>();
  for (const scope of scopes) {
    await session.readScope(scope, async (content) => {
      if (content.proof === null) return;
      const { digest } = await recomputeRows(content, STREAMS[scope.stream].table, signal);
      const { etag } = content.proof.document;
      const { rows } = digest;
      holdings.set(scopeLabel(scope), {
        eTag: etag,
        rows,
        rowsDigest: rowsDigestText(digest),
        sums: content.sums,
      });
    });
  }
  return holdings;
}

/** Compares what two destinations hold of the scopes given. Pure. */
export function compareHoldings(
  scopes: readonly Scope[],
  here: ReadonlyMap<string, ScopeHolding>,
  there: ReadonlyMap<string, ScopeHolding>,
): readonly ScopeComparison[] {
  return scopes.flatMap((scope): ScopeComparison[] => {
    const mine = here.get(scopeLabel(scope)) ?? null;
    const other = there.get(scopeLabel(scope)) ?? null;
    if (mine === null && other === null) return [];
    const found = { stream: scope.stream, scope: scopeText(scope), here: mine, there: other };
    if (other === null) return [{ ...found, outcome: 'only here', detail: '' }];
    if (mine === null) return [{ ...found, outcome: 'only there', detail: '' }];
    const same = mine.rowsDigest === other.rowsDigest && sumsText(mine.sums) === sumsText(other.sums);
    return [{ ...found, outcome: same ? 'same' : 'differs', detail: same ? '' : detailOf(mine, other) }];
  });
}

function detailOf(here: ScopeHolding, there: ScopeHolding): string {
  const currencies = [...new Set([...Object.keys(here.sums), ...Object.keys(there.sums)])].sort();
  const by = currencies.flatMap((currency) => {
    const less = there.sums[currency] ?? '0';
    const difference = addDecimals(
      here.sums[currency] ?? '0',
      less.startsWith('-') ? less.slice(1) : `-${less}`,
    );
    return difference === '0' ? [] : [`${currency} ${difference}`];
  });
  return [
    here.eTag === there.eTag ? 'other rows under the same eTag' : 'another eTag there',
    ...(by.length === 0 ? [] : [`here less there: ${by.join(', ')}`]),
  ].join('; ');
}
