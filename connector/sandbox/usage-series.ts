import type { DataScope } from './data-scope.js';
import { METERS, type Meter } from './meters.js';
import type { Settings } from './options.js';
import { Population, type AzurePlan, type Customer, type Entitlement } from './population.js';
import { ADDED_ROWS } from './row-source.js';
import { mix, pick, seedOf } from './seeded.js';

/** A resource with one meter, used every day of a month. */
export interface UsageSeries {
  readonly number: number;
  readonly random: number;
  readonly customer: Customer;
  readonly plan: AzurePlan;
  readonly entitlement: Entitlement;
  readonly meter: Meter;
  readonly meterNumber: number;
  /** What covers the usage, so that it costs nothing here: the commitment is a line of the invoice. */
  readonly coveredBy: 'savings plan' | 'reservation' | null;
  /** Whether one day takes usage back. */
  readonly refunded: boolean;
  /** Whether some days lose the partner earned credit. */
  readonly losesCredit: boolean;
}

/** The resources of one currency: the same in every month, billed or not. */
export class SeriesSource {
  readonly #seed: number;
  readonly #population: Population;
  readonly #known = new Map<number, UsageSeries>();

  /** `expected` is how many series there will be about; it decides how many customers there are. */
  constructor(seed: number, scope: DataScope, expected: number) {
    this.#seed = seedOf(`${seed} ${scope.currency} series`);
    this.#population = populationFor(seed, scope.currency, expected);
  }

  /** The series of that number, from 0. Some are twins of their neighbour: identical rows are legal. */
  series(number: number): UsageSeries {
    const known = this.#known.get(number);
    if (known !== undefined) return known;
    if (this.#known.size > 2048) this.#known.clear();
    const made = this.#make(isTwin(number) ? number - 1 : number);
    this.#known.set(number, made);
    return made;
  }

  #make(number: number): UsageSeries {
    const random = mix(this.#seed, number);
    const other = mix(random, 1);
    const customer = this.#population.customerBy(mix(random, 2));
    const plan = pick(customer.plans, other);
    // Stepping through the meters lets even a handful of series have different ones.
    const meterNumber = (number * 7 + this.#seed) % METERS.length;
    const meter = pick(METERS, meterNumber);
    const isMachine = meter.resourceType.endsWith('/virtualMachines') && meter.earnsCredit;
    const cover = isMachine ? other % 5 : -1;
    return {
      number,
      random,
      customer,
      plan,
      entitlement: pick(plan.entitlements, other >>> 8),
      meter,
      meterNumber,
      coveredBy: cover === 0 ? 'savings plan' : cover === 1 ? 'reservation' : null,
      refunded: (other >>> 12) % 23 === 0,
      losesCredit: (other >>> 17) % 5 === 0,
    };
  }
}

/** How many series a scope has. */
export function seriesCountOf({ calendar, usageRows }: Settings, { monthDays }: DataScope): number {
  return calendar === null ? Math.ceil(usageRows / monthDays) : calendar.usageRowsPerDay;
}

/** Everybody of a currency, for a data set of that many series. */
export function populationFor(seed: number, currency: string, series: number): Population {
  return new Population(seed, currency, Math.min(2000, Math.max(4, Math.ceil(Math.sqrt(series)))));
}

function isTwin(number: number): boolean {
  return number < ADDED_ROWS && number % 97 === 13;
}
