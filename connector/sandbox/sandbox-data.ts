import type { AttributeSet } from '../../schemas/streams.js';
import { documentScope } from './billing-calendar.js';
import { changesText, invoiceScope, isUsage, scopeKey, scriptKey, type DataScope } from './data-scope.js';
import { versionOf, type DataVersion } from './data-version.js';
import { AMOUNT_SCALE, plainText } from './exact-number.js';
import type { ContentFault } from './faults.js';
import { refused } from './option-check.js';
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
  /** Changes by hand, after those of a script. */
  readonly #changes = new Map<string, readonly Change[]>();
  readonly #restatements = new Map<string, Restatement>();
  readonly #totals = new Map<string, UsageTotals>();
  readonly #sources = new Map<string, RowSource>();
  readonly #sums = new WeakMap<RowSource, bigint>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The scope's present version in an attribute set, with content faults or without. */
  version(scope: DataScope, attributeSet: AttributeSet, faults: readonly ContentFault[]): DataVersion {
    return versionOf(this.#settings, scope, attributeSet, this.restatement(scope), faults);
  }

  /** The rows of a version; the first call for a large invoice's lines sums its usage, see {@link prepare}. */
  source({ scope, attributeSet }: Pick<DataVersion, 'scope' | 'attributeSet'>): RowSource {
    const key = `${dataKey(scope)} ${attributeSet}`;
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
    this.#changes.set(key, [...(this.#changes.get(key) ?? []), change]);
  }

  /**
   * Charges 1 too much in one line of an invoice, of few licences, and in its header: an error of Microsoft's own.
   * @throws ConfigError where no line is fit for it
   */
  overcharge(scope: DataScope): void {
    const source = this.source({ scope, attributeSet: 'full' });
    const row = source instanceof ReconciliationRows ? source.fewLicences() : null;
    if (row === null) throw refused('overcharge', scopeKey(scope), 'an invoice with a line of few licences');
    this.restate(scope, { rows: [row] });
  }

  /** The scope's present restatement: what the script did to it, then what was changed by hand. */
  restatement(scope: DataScope): Restatement {
    const scripted = scope.scripted?.changes ?? [];
    const byHand = this.#changes.get(scopeKey(scope)) ?? [];
    if (scripted.length + byHand.length === 0) return NEVER_RESTATED;
    const key = `${dataKey(scope)} ${changesText(scripted)} ${changesText(byHand)}`;
    const known = this.#restatements.get(key);
    if (known !== undefined) return known;
    const source = this.source({ scope, attributeSet: 'full' });
    const usageLines = source instanceof ReconciliationRows ? source.usageLines : 0;
    let made = NEVER_RESTATED;
    for (const change of scripted) made = restated(made, source, scopeKey(scope), change, usageLines);
    for (const change of byHand) made = restated(made, source, scopeKey(scope), change);
    this.#restatements.set(key, made);
    return made;
  }

  /** What an export of the scope holds at present. */
  expected(scope: DataScope, attributeSet: AttributeSet, faults: readonly ContentFault[]): Expected {
    const { eTag, restatement } = this.version(scope, attributeSet, faults);
    const source = this.source({ scope, attributeSet: 'full' });
    const records = rowsAfter(source, restatement);
    const sum = plainText(this.#sumOf(source, restatement), AMOUNT_SCALE);
    return { records, sums: records === 0 ? {} : { [scope.currency]: sum }, eTag };
  }

  /** The total charges of an invoice or note as its header shows them: the sum of its lines' totals, exact text. */
  totalCharges(invoice: string): string {
    const { calendar } = this.#settings;
    const scope =
      calendar === null
        ? invoiceScope(this.#settings, 'billed_reconciliation', invoice)
        : documentScope(this.#settings, calendar, 'billed_reconciliation', invoice);
    const source = scope === null ? null : this.source({ scope, attributeSet: 'full' });
    if (scope === null || !(source instanceof ReconciliationRows)) return '0';
    const { removed, revisions, added } = this.restatement(scope);
    let sum = 0n;
    for (let row = 0; row < source.rows; row++) {
      if (!removed.has(row)) sum += source.totalOf(row, revisions.get(row) ?? 0);
    }
    for (let index = 0; index < added; index++) sum += source.totalOf(ADDED_ROWS + index, 0);
    return plainText(sum, AMOUNT_SCALE);
  }

  /** What the lines of an invoice are made from: its whole usage, at the restatements that the lines follow. */
  #usageTotals(scope: DataScope): UsageTotals | null {
    if (scope.invoice === null || (scope.scripted?.credits ?? null) !== null) return null;
    const key = `${scope.invoice}${scriptKey(scope)}`;
    const known = this.#totals.get(key);
    if (known !== undefined) return known;
    const { scripted, ...plain } = scope;
    const usage: DataScope = { ...plain, stream: 'billed_usage' };
    const rows = new UsageRows(this.#settings, usage, 'full');
    let restatement = NEVER_RESTATED;
    for (const change of scripted?.followed ?? [])
      restatement = restated(restatement, rows, scopeKey(usage), change);
    const made = new UsageTotals(rows, restatement);
    this.#totals.set(key, made);
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

function dataKey(scope: DataScope): string {
  return `${scopeKey(scope)} ${scope.days}${scriptKey(scope)}`;
}
