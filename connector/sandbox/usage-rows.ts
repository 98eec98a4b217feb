import type { AttributeSet } from '../../schemas/streams.js';
import { dayText, type DataScope } from './data-scope.js';
import { AMOUNT_SCALE, plainText } from './exact-number.js';
import type { Settings } from './options.js';
import { ADDED_ROWS, type RowSource } from './row-source.js';
import { mix, seedOf } from './seeded.js';
import { usageTemplate } from './usage-line.js';
import { usagePrices, type Price, type PriceKind } from './usage-prices.js';
import { seriesCountOf, SeriesSource, type UsageSeries } from './usage-series.js';

/** Series whose days lie beside each other in a blob: wide enough that gzip finds little of the day before. */
const NEIGHBOURS = 32;
/** From quantity (6) times price with rate (31) to an amount (10): digits to drop. */
const BILLED_DIVISOR = 10n ** 27n;
/** From quantity (6) times price (22) to an amount (10). */
const PRICED_DIVISOR = 10n ** 18n;
const MILLION = 1_000_000;

/** One row of usage, as numbers. */
export interface UsageRow {
  readonly series: UsageSeries;
  /** Day of the month, from 1. */
  readonly day: number;
  readonly price: Price;
  /** In millionths; negative where usage is taken back. */
  readonly quantity: number;
}

/**
 * Daily rated usage of a scope. An amount is price x quantity x exchange rate, cut to 10 decimals toward zero, in
 * whole numbers all the way; a month's rows of a plan, product, SKU and availability tie to its invoice lines.
 */
export class UsageRows implements RowSource {
  readonly rows: number;
  readonly #scope: DataScope;
  readonly #tenantId: string;
  readonly #attributeSet: AttributeSet;
  readonly #seriesCount: number;
  readonly #source: SeriesSource;
  readonly #prices: readonly Readonly<Record<PriceKind, Price>>[];
  readonly #quantitySeed: number;
  readonly #days: readonly string[];
  readonly #templates = new Map<string, readonly Buffer[]>();

  constructor(settings: Settings, scope: DataScope, attributeSet: AttributeSet) {
    this.#scope = scope;
    this.#tenantId = settings.tenantId;
    this.#attributeSet = attributeSet;
    this.#seriesCount = seriesCountOf(settings, scope);
    const all = this.#seriesCount * scope.days;
    this.rows = settings.calendar === null ? Math.min(settings.usageRows, all) : all;
    this.#source = new SeriesSource(settings.seed, scope, this.#seriesCount);
    this.#prices = usagePrices(scope.currency);
    this.#quantitySeed = seedOf(`${settings.seed} ${scope.currency} ${scope.month} ${scope.ordinal}`);
    this.#days = Array.from({ length: 32 }, (_, day) => JSON.stringify(dayText(scope.month, day)));
  }

  /** The numbers of a row; `revision` counts how often a restatement changed it. */
  row(row: number, revision: number): UsageRow {
    const [number, day] = this.#position(row);
    const series = this.#source.series(number);
    return {
      series,
      day,
      price: this.#priceOf(series, day),
      quantity: this.#quantity(series, day, revision),
    };
  }

  /** See {@link RowSource.amountOf}. */
  amountOf(row: number, revision: number): bigint {
    const { price, quantity } = this.row(row, revision);
    return billedAmount(price, quantity);
  }

  /** See {@link RowSource.write}. */
  write(target: Buffer, offset: number, row: number, revision: number): number {
    const { series, day, price, quantity } = this.row(row, revision);
    const stretches = this.#template(series, price);
    const billed = plainText(billedAmount(price, quantity), AMOUNT_SCALE);
    const priced = plainText((BigInt(quantity) * price.effective) / PRICED_DIVISOR, AMOUNT_SCALE);
    const values = [this.#days[day] ?? '', millionths(quantity), billed, priced];
    let end = offset;
    for (const [index, stretch] of stretches.entries()) {
      end += stretch.copy(target, end);
      const value = values[index];
      if (value !== undefined) end += target.write(value, end, 'latin1');
    }
    return end;
  }

  #position(row: number): readonly [series: number, day: number] {
    const { days } = this.#scope;
    if (row >= ADDED_ROWS) return [row, ((row - ADDED_ROWS) % Math.max(1, days)) + 1];
    const block = Math.floor(row / (NEIGHBOURS * days));
    const width = Math.min(NEIGHBOURS, this.#seriesCount - block * NEIGHBOURS);
    const rest = row - block * NEIGHBOURS * days;
    return [block * NEIGHBOURS + (rest % width), Math.floor(rest / width) + 1];
  }

  #priceOf(series: UsageSeries, day: number): Price {
    const prices = this.#prices[series.meterNumber];
    if (prices === undefined) throw new RangeError('a series has an unknown meter');
    if (series.coveredBy !== null) return prices.covered;
    if (series.meter.tiered && day <= 3) return prices['free tier'];
    const loses = series.losesCredit && series.meter.earnsCredit && mix(series.random, day) % 4 === 0;
    return loses ? prices['without credit'] : prices.standard;
  }

  #quantity(series: UsageSeries, day: number, revision: number): number {
    const random = mix(mix(this.#quantitySeed, series.number), day);
    const most = series.meter.dailyMillionths;
    const wholeDay = series.meter.unit === '1 Hour' && random % 4 === 0;
    const used = wholeDay ? most : 1 + Math.floor((random / 2 ** 32) * most);
    // The newest days of an open month are estimates that the invoice will correct.
    const estimate = this.#scope.invoice === null && day > this.#scope.days - 3 ? random % 1000 : 0;
    const sign = series.refunded && day === 11 ? -1 : 1;
    return sign * (used + estimate + revision * MILLION);
  }

  #template(series: UsageSeries, price: Price): readonly Buffer[] {
    const key = `${series.number} ${price.kind}`;
    const known = this.#templates.get(key);
    if (known !== undefined) return known;
    if (this.#templates.size > 64 * NEIGHBOURS) this.#templates.clear();
    const made = usageTemplate(this.#tenantId, this.#scope, series, price, this.#attributeSet);
    this.#templates.set(key, made);
    return made;
  }
}

/** The billed amount (scale 10) of a quantity in millionths. */
export function billedAmount(price: Price, quantity: number): bigint {
  return (BigInt(quantity) * price.billed) / BILLED_DIVISOR;
}

function millionths(quantity: number): string {
  const size = Math.abs(quantity);
  const whole = Math.floor(size / MILLION);
  const fraction = String(size % MILLION)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${quantity < 0 ? '-' : ''}${whole}.${fraction === '' ? '0' : fraction}`;
}
