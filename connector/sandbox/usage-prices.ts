import { plainText, PRICE_SCALE, RATE_SCALE, scaled, sparkNumber } from './exact-number.js';
import { METERS, type Meter } from './meters.js';

/** Why a price is what it is; rows of one meter and plan with different reasons are different invoice lines. */
export const PRICE_KINDS = ['standard', 'without credit', 'free tier', 'covered'] as const;
/** One of {@link PRICE_KINDS}. */
export type PriceKind = (typeof PRICE_KINDS)[number];

/** What a meter costs. Tokens are JSON numbers as they stand in a row. */
export interface Price {
  readonly kind: PriceKind;
  readonly unitPrice: string;
  readonly effectiveUnitPrice: string;
  /** The effective unit price at scale 22. */
  readonly effective: bigint;
  /** The effective unit price times the exchange rate, at scale 31. */
  readonly billed: bigint;
  /** Partner earned credit: `15` or `0`. */
  readonly creditPercentage: string;
}

/** US dollars to a billing currency: plain decimal texts, one rate a month as Microsoft has it. */
const RATES: Readonly<Record<string, string>> = {
  USD: '1',
  EUR: '0.846202666',
  GBP: '0.751240012',
  CHF: '0.79553',
  JPY: '154.880004',
  INR: '88.4125',
};

/** The rate from US dollars as a plain decimal text; 1 for a currency that the sandbox has no rate of. */
export function rateOf(currency: string): string {
  return RATES[currency] ?? '1';
}

/** The prices of every meter, in the order of `METERS`, by kind. */
export function usagePrices(currency: string): readonly Readonly<Record<PriceKind, Price>>[] {
  const rate = scaled(rateOf(currency), RATE_SCALE);
  return METERS.map((meter) => ({
    standard: priceOf(meter, 'standard', rate),
    'without credit': priceOf(meter, 'without credit', rate),
    'free tier': priceOf(meter, 'free tier', rate),
    covered: priceOf(meter, 'covered', rate),
  }));
}

function priceOf(meter: Meter, kind: PriceKind, rate: bigint): Price {
  const unit = kind === 'free tier' ? 0n : scaled(meter.unitPrice, PRICE_SCALE);
  const credited = meter.earnsCredit && kind === 'standard';
  const effective = effectiveOf(meter, kind, unit, credited);
  return {
    kind,
    unitPrice: numberToken(unit),
    effectiveUnitPrice: numberToken(effective),
    effective,
    billed: effective * rate,
    creditPercentage: credited ? '15' : '0',
  };
}

function effectiveOf(meter: Meter, kind: PriceKind, unit: bigint, credited: boolean): bigint {
  if (kind === 'free tier' || kind === 'covered') return 0n;
  if (meter.effectiveUnitPrice !== null) return scaled(meter.effectiveUnitPrice, PRICE_SCALE);
  return credited ? (unit * 85n) / 100n : unit;
}

function numberToken(price: bigint): string {
  return sparkNumber(plainText(price, PRICE_SCALE));
}
