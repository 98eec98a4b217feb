import { guidOf, mix, pick, seedOf } from './seeded.js';

/** An Azure subscription of a customer's Azure plan. */
export interface Entitlement {
  readonly id: string;
  readonly description: string;
}

/** An Azure plan: the commerce subscription that usage is billed under. */
export interface AzurePlan {
  /** Number of the plan, unique in its population. */
  readonly number: number;
  readonly id: string;
  readonly orderId: string;
  readonly entitlements: readonly Entitlement[];
}

/** A customer of the partner. */
export interface Customer {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly country: string;
  /** Tax in hundredths of a percent; 0 where tax shows only on the invoice (api-contract.md 8.6). */
  readonly taxBasisPoints: bigint;
  readonly mpnId: string;
  /** Reseller of record; `0` = sold directly, `-1` = reseller removed, null = not stated. */
  readonly tier2MpnId: string | null;
  readonly plans: readonly AzurePlan[];
}

const NAMES = [
  'Contoso',
  'Fabrikam',
  'Müller & Söhne GmbH',
  'Łódź Logistyka Sp. z o.o.',
  '東京データ株式会社',
  'Crème Brûlée SARL',
  'Ångström Mätteknik AB',
  'Niño "El Rápido" S.L.',
  'Δελφοί Ναυτιλιακή ΑΕ',
  'Бета Холдинг',
  'Café ☕ Roma S.r.l.',
  "O'Brien & Daughters Ltd",
  'Sørensen \\ Partnere A/S',
  'Tailwind Traders',
  'Zürcher Rück 🏔 AG',
  'Woodgrove Bank',
] as const;
const COUNTRIES = [
  ['US', 0n],
  ['DE', 1900n],
  ['FR', 2000n],
  ['PL', 2300n],
  ['CH', 810n],
  ['SE', 2500n],
  ['JP', 1000n],
  ['GB', 0n],
] as const;

/** Everybody that the partner bills in one currency: the same people in every month and invoice. */
export class Population {
  readonly #seed: number;
  readonly #key: string;
  readonly #size: number;
  readonly #known = new Map<number, Customer>();

  /** `size` customers, at least one, from the seed and the currency only. */
  constructor(seed: number, currency: string, size: number) {
    this.#key = `${seed} ${currency}`;
    this.#seed = seedOf(this.#key);
    this.#size = Math.max(1, size);
  }

  /** A customer by a random number; a few customers have most of the usage. */
  customerBy(number: number): Customer {
    const share = number / 2 ** 32;
    return this.customer(Math.min(this.#size - 1, Math.floor(share * share * this.#size)));
  }

  /** The customer of that number, from 0. */
  customer(number: number): Customer {
    const known = this.#known.get(number);
    if (known !== undefined) return known;
    const made = this.#make(number);
    this.#known.set(number, made);
    return made;
  }

  #make(number: number): Customer {
    const random = mix(this.#seed, number);
    const key = `${this.#key} customer ${number}`;
    const [country, taxBasisPoints] = pick(COUNTRIES, random >>> 4);
    const base = pick(NAMES, number);
    const name = number < NAMES.length ? base : `${base} ${number}`;
    const resellers = ['67890', '6048879', '0', '-1', null] as const;
    const plans = 1 + (random % 3 === 0 ? 1 : 0);
    return {
      number,
      id: guidOf(key),
      name,
      domain: `customer${number}${this.#key.slice(-3).toLowerCase()}.onmicrosoft.com`,
      country,
      taxBasisPoints,
      mpnId: '5357564',
      tier2MpnId: pick(resellers, random >>> 8),
      plans: Array.from({ length: plans }, (_, plan) => makePlan(key, number * 2 + plan, random)),
    };
  }
}

function makePlan(customerKey: string, number: number, random: number): AzurePlan {
  const key = `${customerKey} plan ${number}`;
  const names = ['Production', 'Development', 'Données & Analytique', 'Shared Services'] as const;
  return {
    number,
    id: guidOf(key),
    orderId: guidOf(`${key} order`).replaceAll('-', '').slice(0, 12),
    entitlements: Array.from({ length: 1 + ((random >>> 12) % 4) }, (_, index) => ({
      id: guidOf(`${key} entitlement ${index}`),
      description: pick(names, index),
    })),
  };
}
