import type { AttributeSet } from '../../schemas/streams.js';
import { invoiceScope, isUsage, namedScope, scopeKey, type DataScope, type ScopeName } from './data-scope.js';
import { versionOf, type DataVersion } from './data-version.js';
import { AMOUNT_SCALE, plainText } from './exact-number.js';
import type { ContentFault } from './faults.js';
import type { Settings } from './options.js';
import { ReconciliationRows } from './reconciliation-rows.js';
import { NEVER_RESTATED, restated, rowsAfter, type Change, type Restatement } from './restatement.js';
import { ADDED_ROWS, type RowSource } from './row-source.js';
import { UsageRows } from './usage-rows.js';
import { UsageTotals } from './usage-totals.js';

/** What a whole and undamaged copy of a scope holds. */
export interface Expected {
  readonly records: number;
  /** Exact sum of the amount column by currency, in canonical text; empty where there are no records. */
  readonly sums: Readonly<Record<string, string>>;
  readonly eTag: string;
}

/** The sandbox's data: every scope at its present restatement. */
export class SandboxData {
  readonly #settings: Settings;
  readonly #restatements = new Map<string, Restatement>();
  readonly #totals = new Map<string, UsageTotals>();
  readonly #sources = new Map<string, RowSource>();
  readonly #sums = new WeakMap<RowSource, bigint>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The scope's present version in an attribute set, with content faults or without. */
  version(scope: DataScope, attributeSet: AttributeSet, faults: readonly ContentFault[]): DataVersion {
    return versionOf(this.#settings, scope, attributeSet, this.#restatement(scope), faults);
  }

  /** The rows of a version; the first call for a large invoice's lines sums its usage, see {@link prepare}. */
  source({ scope, attributeSet }: Pick<DataVersion, 'scope' | 'attributeSet'>): RowSource {
    const key = `${scopeKey(scope)} ${scope.days} ${attributeSet}`;
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const made = isUsage(scope.stream)
      ? new UsageRows(this.#settings, scope, attributeSet)
      : new ReconciliationRows(this.#settings, scope, attributeSet, this.#usageTotals(scope)?.totals() ?? []);
    this.#sources.set(key, made);
    return made;
  }

  /** Sums what {@link source} needs, a stretch at a time. */
  async prepare(scope: DataScope): Promise<void> {
    if (!isUsage(scope.stream)) await this.#usageTotals(scope)?.prepare();
  }

  /** Gives a scope new data and so a new eTag. */
  restate(scope: DataScope, change: Change): void {
    const key = scopeKey(scope);
    const source = this.source({ scope, attributeSet: 'full' });
    this.#restatements.set(key, restated(this.#restatement(scope), source, key, change));
  }

  /** What an export of the scope holds at present. */
  expected(name: ScopeName, attributeSet: AttributeSet, faults: readonly ContentFault[]): Expected {
    const scope = namedScope(this.#settings, name);
    const { eTag, restatement } = this.version(scope, attributeSet, faults);
    const source = this.source({ scope, attributeSet: 'full' });
    const records = rowsAfter(source, restatement);
    const sum = plainText(this.#sumOf(source, restatement), AMOUNT_SCALE);
    return { records, sums: records === 0 ? {} : { [scope.currency]: sum }, eTag };
  }

  /** The invoice's total charges as its header shows them: the sum of its lines' totals, exact text. */
  totalCharges(invoice: string): string {
    const scope = invoiceScope(this.#settings, 'billed_reconciliation', invoice);
    const source = scope === null ? null : this.source({ scope, attributeSet: 'full' });
    if (scope === null || !(source instanceof ReconciliationRows)) return '0';
    const { removed, revisions, added } = this.#restatement(scope);
    let sum = 0n;
    for (let row = 0; row < source.rows; row++) {
      if (!removed.has(row)) sum += source.totalOf(row, revisions.get(row) ?? 0);
    }
    for (let index = 0; index < added; index++) sum += source.totalOf(ADDED_ROWS + index, 0);
    return plainText(sum, AMOUNT_SCALE);
  }

  #restatement(scope: DataScope): Restatement {
    return this.#restatements.get(scopeKey(scope)) ?? NEVER_RESTATED;
  }

  #usageTotals(scope: DataScope): UsageTotals | null {
    if (scope.invoice === null) return null;
    const known = this.#totals.get(scope.invoice);
    if (known !== undefined) return known;
    const usage: DataScope = { ...scope, stream: 'billed_usage' };
    const made = new UsageTotals(new UsageRows(this.#settings, usage, 'full'));
    this.#totals.set(scope.invoice, made);
    return made;
  }

  #sumOf(source: RowSource, { removed, revisions, added }: Restatement): bigint {
    let sum = this.#sums.get(source);
    if (sum === undefined) {
      sum = 0n;
      for (let row = 0; row < source.rows; row++) sum += source.amountOf(row, 0);
      this.#sums.set(source, sum);
    }
    for (const row of removed) sum -= source.amountOf(row, 0);
    for (const [row, revision] of revisions) sum += source.amountOf(row, revision) - source.amountOf(row, 0);
    for (let index = 0; index < added; index++) sum += source.amountOf(ADDED_ROWS + index, 0);
    return sum;
  }
}
