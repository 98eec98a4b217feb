import { setImmediate as breathe } from 'node:timers/promises';
import { SystemError } from '../../schemas/errors.js';
import { rowsOfPart, type Restatement } from './restatement.js';
import { PRICE_KINDS, type Price } from './usage-prices.js';
import { billedAmount, type UsageRows } from './usage-rows.js';
import type { UsageSeries } from './usage-series.js';

const STEP = 20_000;

/** A month's usage of one plan, meter and price: what becomes one line of the invoice. */
export interface UsageTotal {
  /** The first series of it: customer, plan and meter are the same in all. */
  readonly series: UsageSeries;
  readonly price: Price;
  /** Sum of the quantities, in millionths. */
  readonly quantity: bigint;
  /** Sum of the billed amounts (scale 10). */
  readonly amount: bigint;
}

interface Running {
  readonly series: UsageSeries;
  readonly price: Price;
  quantity: number;
  amount: bigint;
}

/** Sums a scope's usage rows at a restatement by invoice line, a stretch at a time, so that ten million rows block nobody. */
export class UsageTotals {
  readonly #rows: UsageRows;
  readonly #running = new Map<number, Running>();
  readonly #left: Generator<readonly [row: number, revision: number]>;
  #isDone = false;

  constructor(rows: UsageRows, restatement: Restatement) {
    this.#rows = rows;
    this.#left = rowsOfPart(rows, restatement, 0, 1);
  }

  /** Sums whatever is left while other work goes on. */
  async prepare(): Promise<void> {
    while (!this.#isDone) {
      this.#advance(STEP);
      await breathe();
    }
  }

  /** The totals, in the order in which they first occur; sums what is left at once. */
  totals(): readonly UsageTotal[] {
    this.#advance(Infinity);
    return [...this.#running.values()].map((total) => {
      if (!Number.isSafeInteger(total.quantity)) {
        throw new SystemError({
          message: 'sandbox: a sum of quantities is too large',
          hint: 'ask for fewer rows',
        });
      }
      return { ...total, quantity: BigInt(total.quantity) };
    });
  }

  #advance(count: number): void {
    for (let done = 0; done < count; done++) {
      const next = this.#left.next();
      if (next.done === true) {
        this.#isDone = true;
        return;
      }
      const { series, price, quantity } = this.#rows.row(...next.value);
      const key = totalKey(series, price);
      const amount = billedAmount(price, quantity);
      const running = this.#running.get(key);
      if (running === undefined) {
        this.#running.set(key, { series, price, quantity, amount });
      } else {
        running.quantity += quantity;
        running.amount += amount;
      }
    }
  }
}

/** What tells one total from another; the two ways of covering usage are different lines of the invoice. */
function totalKey({ plan, meterNumber, coveredBy }: UsageSeries, { kind }: Price): number {
  const priced = (plan.number * 64 + meterNumber) * PRICE_KINDS.length + PRICE_KINDS.indexOf(kind);
  return priced * 2 + (coveredBy === 'reservation' ? 1 : 0);
}
