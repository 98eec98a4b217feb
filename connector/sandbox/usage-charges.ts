import { dayText, type DataScope } from './data-scope.js';
import { PRICE_SCALE, scaled, truncatedToCents } from './exact-number.js';
import { ONE_TIME, type Licence } from './licences.js';
import type { AzurePlan, Customer } from './population.js';
import type { Charge } from './reconciliation-line.js';
import { guidOf } from './seeded.js';
import { reservationOrderId, savingsPlanOrderId } from './usage-line.js';
import { rateOf } from './usage-prices.js';
import type { UsageTotal } from './usage-totals.js';

/**
 * The invoice lines of Azure usage: one for each plan, meter and price, and one for each savings plan or reservation
 * that covered usage. A line's subtotal is the sum of its usage rows cut to cents toward zero; so for a group of
 * customer, subscription, product, SKU and availability the sums differ by less than 0.01 for each of its lines.
 */
export function usageCharges(scope: DataScope, totals: readonly UsageTotal[]): readonly Charge[] {
  const billed = totals
    .filter(({ price }) => price.kind !== 'covered')
    .map((total) => usageCharge(scope, total));
  const commitments = new Map<string, Charge>();
  for (const { series } of totals) {
    if (series.coveredBy === null) continue;
    const charge = commitmentCharge(scope, series.customer, series.plan, series.coveredBy);
    commitments.set(charge.reservationOrderId ?? '', charge);
  }
  return [...billed, ...commitments.values()];
}

function usageCharge(scope: DataScope, { series, price, quantity, amount }: UsageTotal): Charge {
  const { customer, plan, meter } = series;
  const last = dayText(scope.month, scope.monthDays);
  return {
    customer,
    subscriptionId: plan.id,
    subscriptionDescription: 'Azure plan',
    orderId: plan.orderId,
    orderDate: `${last}T00:00:00Z`,
    productId: meter.productId,
    skuId: meter.skuId,
    availabilityId: meter.availabilityId,
    skuName: meter.skuName,
    productName: meter.productName,
    publisherName: 'Microsoft',
    publisherId: 'NA',
    category: 'Azure',
    chargeType: 'new',
    unitPrice: price.kind === 'free tier' ? 0n : scaled(meter.unitPrice, PRICE_SCALE),
    effectiveUnitPrice: price.effective,
    quantity: 1_000_000n,
    billableQuantity: quantity,
    subtotal: truncatedToCents(amount),
    pricingCurrency: 'USD',
    rate: rateOf(scope.currency),
    unitType: meter.unit,
    term: null,
    frequency: null,
    start: `${scope.month}-01T00:00:00Z`,
    end: `${last}T00:00:00Z`,
    referenceId: null,
    meterDescription: `${meter.productName} - ${meter.meterName} (${meter.unit})`,
    ...(price.creditPercentage === '0'
      ? {}
      : { adjustments: ['15.0% Partner earned credit for services managed'] }),
  };
}

function commitmentCharge(
  scope: DataScope,
  customer: Customer,
  plan: AzurePlan,
  kind: 'savings plan' | 'reservation',
): Charge {
  const product: Licence = kind === 'reservation' ? ONE_TIME.reservation : ONE_TIME.savingsPlan;
  const price = scaled(product.unitPrice, PRICE_SCALE);
  const order = kind === 'reservation' ? reservationOrderId(plan.id) : savingsPlanOrderId(plan.id);
  return {
    customer,
    subscriptionId: plan.id,
    subscriptionDescription: product.productName,
    orderId: order.replaceAll('-', '').slice(0, 12),
    orderDate: `${scope.month}-03T09:14:55.1200437Z`,
    productId: product.productId,
    skuId: product.skuId,
    availabilityId: product.availabilityId,
    skuName: product.skuName,
    productName: product.productName,
    publisherName: product.publisherName,
    publisherId: product.publisherId,
    category: product.category,
    chargeType: 'new',
    unitPrice: price,
    effectiveUnitPrice: price,
    quantity: 1_000_000n,
    billableQuantity: 1_000_000n,
    subtotal: truncatedToCents(price / 10n ** 12n),
    pricingCurrency: scope.currency,
    rate: '1',
    unitType: null,
    term: kind === 'reservation' ? '1 Year Reservation' : '1 Year Savings Plan',
    frequency: 'Monthly',
    start: `${scope.month}-03T00:00:00Z`,
    end: `${dayText(scope.month, scope.monthDays)}T00:00:00Z`,
    referenceId: guidOf(`${order} ${scope.month}`),
    reservationOrderId: order,
  };
}
