import type { AttributeSet } from '../../schemas/streams.js';
import type { DataScope } from './data-scope.js';
import { centsAsAmount } from './exact-number.js';
import { licenceCharge } from './licence-charges.js';
import type { Settings } from './options.js';
import type { Population } from './population.js';
import { reconciliationLine, totalOf, type Charge } from './reconciliation-line.js';
import { ADDED_ROWS, type RowSource } from './row-source.js';
import { mix, seedOf } from './seeded.js';
import { usageCharges } from './usage-charges.js';
import { populationFor, seriesCountOf } from './usage-series.js';
import type { UsageTotal } from './usage-totals.js';

/** So many lines are there at least beside those of usage, so that every kind of charge occurs. */
const FEWEST_OTHERS = 40;

/**
 * Reconciliation lines of a scope: first those of its usage, then licences and the like. An open month has no lines
 * of usage: the portal's report of it leaves them out (api-contract.md 6.7).
 */
export class ReconciliationRows implements RowSource {
  readonly rows: number;
  readonly #scope: DataScope;
  readonly #tenantId: string;
  readonly #attributeSet: AttributeSet;
  readonly #usage: readonly Charge[];
  readonly #population: Population;
  readonly #seed: number;

  /** `totals`: what the usage rows of the same invoice add up to; empty for an open month. */
  constructor(
    settings: Settings,
    scope: DataScope,
    attributeSet: AttributeSet,
    totals: readonly UsageTotal[],
  ) {
    this.#scope = scope;
    this.#tenantId = settings.tenantId;
    this.#attributeSet = attributeSet;
    this.#usage = usageCharges(scope, totals);
    this.#population = populationFor(settings.seed, scope.currency, seriesCountOf(settings, scope));
    this.#seed = seedOf(`${settings.seed} ${scope.currency} ${scope.month} ${scope.ordinal} lines`);
    const wanted = settings.reconciliationRows;
    const whole = wanted === 0 ? 0 : Math.max(wanted, this.#usage.length + FEWEST_OTHERS);
    const { scripted, invoice, days, monthDays } = scope;
    const isGrowing = scripted !== undefined && invoice === null;
    this.rows = scripted?.credits ?? (isGrowing ? Math.ceil((whole * days) / monthDays) : whole);
  }

  /** How many of the first lines charge usage. */
  get usageLines(): number {
    return this.#usage.length;
  }

  /** The charge of a line; each revision adds one to its subtotal. */
  charge(row: number, revision: number): Charge {
    const own = this.#usage[row] ?? this.#other(row);
    const charge = (this.#scope.scripted?.credits ?? null) === null ? own : credited(own);
    if (revision === 0) return charge;
    return { ...charge, subtotal: charge.subtotal + centsAsAmount(BigInt(revision) * 100n) };
  }

  /**
   * The first line that charges one to twenty licences at their price: where its subtotal is wrong by 1, more than a cent a
   * licence, recomputing it shows that. Null where there is none.
   */
  fewLicences(): number | null {
    for (let row = this.usageLines; row < this.rows; row++) {
      const { billableQuantity, chargeType, subtotal } = this.charge(row, 0);
      const licences = billableQuantity / 1_000_000n;
      if (chargeType === 'cycleCharge' && subtotal > 0n && licences >= 1n && licences <= 20n) return row;
    }
    return null;
  }

  /** See {@link RowSource.amountOf}: the subtotal. */
  amountOf(row: number, revision: number): bigint {
    return this.charge(row, revision).subtotal;
  }

  /** The line's total with tax (scale 10). */
  totalOf(row: number, revision: number): bigint {
    return totalOf(this.#scope, this.charge(row, revision));
  }

  /** See {@link RowSource.write}. */
  write(target: Buffer, offset: number, row: number, revision: number): number {
    const charge = this.charge(row, revision);
    const line = reconciliationLine(this.#tenantId, this.#scope, charge, this.#attributeSet);
    return offset + target.write(line, offset);
  }

  #other(row: number): Charge {
    const event = row >= ADDED_ROWS ? row : (row - this.#usage.length) >>> 1;
    const half = row >= ADDED_ROWS || (row - this.#usage.length) % 2 === 0 ? 0 : 1;
    const random = mix(this.#seed, event);
    return licenceCharge(this.#scope, random, this.#population.customerBy(mix(random, 3)), half);
  }
}

/** The credit of a charge: never above zero, whatever the charge was. */
function credited(charge: Charge): Charge {
  const below = (value: bigint): bigint => (value > 0n ? -value : value);
  return {
    ...charge,
    chargeType: 'customerCredit',
    creditReason: 'Service Credit',
    effectiveUnitPrice: below(charge.effectiveUnitPrice),
    subtotal: below(charge.subtotal),
  };
}
