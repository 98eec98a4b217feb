import { dayText, nextMonthStart, type DataScope } from './data-scope.js';
import { PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, scaled, truncatedToCents } from './exact-number.js';
import { E5, ONE_TIME, SEAT_LICENCES, type Licence } from './licences.js';
import type { Customer } from './population.js';
import type { Charge } from './reconciliation-line.js';
import { guidOf, mix, pick } from './seeded.js';
import { rateOf } from './usage-prices.js';

/** From price (22) times quantity (6) to an amount (10): digits to drop. */
const AMOUNT_DIVISOR = 10n ** BigInt(PRICE_SCALE + QUANTITY_SCALE - 10);
const RATE_ONE = 10n ** BigInt(RATE_SCALE);
const MILLION = 1_000_000n;

interface Event {
  readonly scope: DataScope;
  readonly random: number;
  readonly key: string;
  readonly customer: Customer;
  readonly licence: Licence;
  readonly seats: bigint;
}

/**
 * One of the two lines of an event that has nothing to do with usage: seats, changes of seats, the halves of E5,
 * trials that become paid, software, marketplace, credits, promotions, and now and then two identical lines.
 * A subtotal is price x quantity cut to cents toward zero (the recipe of most of Microsoft's worked examples,
 * api-contract.md 8.3).
 */
export function licenceCharge(scope: DataScope, random: number, customer: Customer, half: 0 | 1): Charge {
  const event: Event = {
    scope,
    random,
    key: `${customer.id} ${scope.month} event ${random}`,
    customer,
    licence: pick(SEAT_LICENCES, random >>> 6),
    seats: BigInt(1 + ((random >>> 10) % 300)),
  };
  switch (random % 10) {
    case 0:
    case 1:
      return seatChange(event, half);
    case 2:
      return halfOfE5(event, half);
    case 3:
      return trialConversion(event, half);
    case 4:
      return half === 0 ? software(event) : credit(event);
    case 5:
      return marketplace(event, half);
    case 6:
      return { ...seats(event, 'one'), promotionId: '39NFJQT1X27N:0002:39NFJQT1Q5KL' };
    default:
      return seats(event, half === 0 ? 'one' : 'other');
  }
}

function priced(event: Event, licence: Licence, effective: bigint, quantity: bigint): Charge {
  const { scope, customer, key } = event;
  const day = 1 + (event.random % 28);
  return {
    customer,
    subscriptionId: guidOf(`${customer.id} ${licence.skuId} subscription`),
    subscriptionDescription: licence.productName,
    orderId: guidOf(`${key} order`).replaceAll('-', '').slice(0, 12),
    orderDate: `${dayText(scope.month, day)}T18:30:06.${String(1_000_000 + (event.random % 9_000_000))}Z`,
    productId: licence.productId,
    skuId: licence.skuId,
    availabilityId: licence.availabilityId,
    skuName: licence.skuName,
    productName: licence.productName,
    publisherName: licence.publisherName,
    publisherId: licence.publisherId,
    category: licence.category,
    chargeType: 'cycleCharge',
    unitPrice: scaled(licence.unitPrice, PRICE_SCALE),
    effectiveUnitPrice: effective,
    quantity: quantity * MILLION,
    billableQuantity: quantity * MILLION,
    subtotal: truncatedToCents((effective * quantity * MILLION) / AMOUNT_DIVISOR),
    pricingCurrency: scope.currency,
    rate: '1',
    unitType: 'License',
    term: 'One-Year commitment for monthly/yearly billing',
    frequency: 'Monthly',
    start: `${scope.month}-01T00:00:00Z`,
    end: `${dayText(scope.month, scope.monthDays)}T00:00:00Z`,
    referenceId: guidOf(`${key} reference`),
  };
}

/** The unit price for the days from `day` to the end of the month, cut to 16 decimals. */
function prorated(event: Event, licence: Licence, day: number): bigint {
  const { monthDays } = event.scope;
  const left = BigInt(monthDays - day + 1);
  const cut = 10n ** 6n;
  return ((scaled(licence.unitPrice, PRICE_SCALE) * left) / BigInt(monthDays) / cut) * cut;
}

function seats(event: Event, which: 'one' | 'other'): Charge {
  // A seat pool in twenty is split into two identical lines: they are legal, and both count.
  const twins = event.random % 200 < 10;
  const licence = which === 'one' || twins ? event.licence : pick(SEAT_LICENCES, event.random >>> 7);
  const quantity = which === 'one' || twins ? event.seats : event.seats + 3n;
  return priced(event, licence, scaled(licence.unitPrice, PRICE_SCALE), quantity);
}

function seatChange(event: Event, half: 0 | 1): Charge {
  const day = 2 + (event.random % 25);
  const price = prorated(event, event.licence, day);
  const start = `${dayText(event.scope.month, day)}T00:00:00Z`;
  if (half === 0) {
    return { ...priced(event, event.licence, -price, event.seats), chargeType: 'removeQuantity', start };
  }
  return { ...priced(event, event.licence, price, event.seats + 5n), chargeType: 'addQuantity', start };
}

function halfOfE5(event: Event, half: 0 | 1): Charge {
  const whole = scaled(E5.unitPrice, PRICE_SCALE);
  const telephony = whole / 8n;
  return priced(event, E5, half === 0 ? whole - telephony : telephony, event.seats);
}

function trialConversion(event: Event, half: 0 | 1): Charge {
  const price = half === 0 ? 0n : scaled(event.licence.unitPrice, PRICE_SCALE);
  return {
    ...priced(event, event.licence, price, event.seats),
    chargeType: 'convert',
    qualifiers: half === 0 ? ['AddOn', 'Trial'] : [],
    term: half === 0 ? 'One-Month commitment for trial' : 'One-Month commitment for monthly billing',
  };
}

function software(event: Event): Charge {
  const { software: product } = ONE_TIME;
  const charge = priced(event, product, scaled(product.unitPrice, PRICE_SCALE), 1n + (event.seats % 4n));
  return { ...charge, chargeType: 'new', term: null, frequency: null, end: null };
}

function credit(event: Event): Charge {
  const price = -scaled('28.387', PRICE_SCALE);
  return {
    ...priced(event, event.licence, price, 1n),
    chargeType: 'customerCredit',
    creditReason: 'Azure Credit Offer',
    subscriptionDescription: 'Azure plan',
    unitType: null,
    term: null,
    frequency: null,
  };
}

function marketplace(event: Event, half: 0 | 1): Charge {
  const { marketplace: product } = ONE_TIME;
  const rate = mix(event.random, half) % 2 === 0 ? '1' : rateOf(event.scope.currency);
  const price = scaled(product.unitPrice, PRICE_SCALE);
  const charge = priced(event, product, price, event.seats + BigInt(half));
  const amount = (price * charge.billableQuantity) / AMOUNT_DIVISOR;
  return {
    ...charge,
    rate,
    pricingCurrency: rate === '1' ? event.scope.currency : 'USD',
    subtotal: truncatedToCents((amount * scaled(rate, RATE_SCALE)) / RATE_ONE),
    start: `${event.scope.month}-04T09:22:40.1767993-08:00`,
    end: `${nextMonthStart(event.scope.month).slice(0, 7)}-03T09:22:40.1767993-08:00`,
  };
}
