import type { AttributeSet } from '../../schemas/streams.js';
import { RECONCILIATION_COLUMNS } from '../../schemas/tables/reconciliation-columns.js';
import { dayText, type DataScope } from './data-scope.js';
import {
  AMOUNT_SCALE,
  plainText,
  PRICE_SCALE,
  QUANTITY_SCALE,
  sparkNumber,
  truncatedToCents,
} from './exact-number.js';
import type { Customer } from './population.js';

/** A charge of an invoice: what its lines are made of. Amounts are at scale 10, cut to cents. */
export interface Charge {
  readonly customer: Customer;
  readonly subscriptionId: string;
  readonly subscriptionDescription: string;
  readonly orderId: string;
  /** As it stands in the line. */
  readonly orderDate: string;
  readonly productId: string;
  readonly skuId: string;
  readonly availabilityId: string;
  readonly skuName: string;
  readonly productName: string;
  readonly publisherName: string;
  readonly publisherId: string | null;
  readonly category: string;
  readonly chargeType: string;
  /** Scale 22. */
  readonly unitPrice: bigint;
  /** Scale 22; negative on refunds. */
  readonly effectiveUnitPrice: bigint;
  /** Millionths. */
  readonly quantity: bigint;
  readonly billableQuantity: bigint;
  readonly subtotal: bigint;
  readonly pricingCurrency: string;
  readonly rate: string;
  readonly unitType: string | null;
  readonly term: string | null;
  readonly frequency: string | null;
  /** First and last day that is charged, as they stand in the line; no end for perpetual software. */
  readonly start: string;
  readonly end: string | null;
  readonly referenceId: string | null;
  readonly reservationOrderId?: string;
  readonly creditReason?: string;
  readonly promotionId?: string;
  readonly meterDescription?: string;
  readonly adjustments?: readonly string[];
  readonly qualifiers?: readonly string[];
}

/** Tax of a line: the customer's rate, cut to cents; an open month shows none (api-contract.md 6.7). */
export function taxOf(scope: DataScope, charge: Charge): bigint {
  if (scope.invoice === null) return 0n;
  return truncatedToCents((charge.subtotal * charge.customer.taxBasisPoints) / 10_000n);
}

/** The line's total: subtotal plus tax. */
export function totalOf(scope: DataScope, charge: Charge): bigint {
  return charge.subtotal + taxOf(scope, charge);
}

/** A charge as a JSON line without its newline; fields without a value are left out. */
export function reconciliationLine(
  tenantId: string,
  scope: DataScope,
  charge: Charge,
  attributeSet: AttributeSet,
): string {
  const values = new Map<string, string | null>(
    Object.entries({
      ...identityOf(tenantId, scope, charge),
      ...moneyOf(scope, charge),
      ...termsOf(scope, charge),
    }),
  );
  const fields = RECONCILIATION_COLUMNS.filter(({ inBasic }) => inBasic || attributeSet === 'full').flatMap(
    ({ source }) => {
      const value = values.get(source) ?? null;
      return value === null ? [] : [`"${source}":${value}`];
    },
  );
  return `{${fields.join(',')}}`;
}

function quoted(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : JSON.stringify(text);
}

function identityOf(tenantId: string, scope: DataScope, charge: Charge): Record<string, string | null> {
  const { customer } = charge;
  return {
    PartnerId: quoted(tenantId),
    CustomerId: quoted(customer.id),
    CustomerName: quoted(customer.name),
    CustomerDomainName: quoted(customer.domain),
    CustomerCountry: quoted(customer.country),
    InvoiceNumber: quoted(scope.invoice),
    MpnId: quoted(customer.mpnId),
    Tier2MpnId: quoted(customer.tier2MpnId),
    OrderId: quoted(charge.orderId),
    OrderDate: quoted(charge.orderDate),
    ProductId: quoted(charge.productId),
    SkuId: quoted(charge.skuId),
    AvailabilityId: quoted(charge.availabilityId),
    SkuName: quoted(charge.skuName),
    ProductName: quoted(charge.productName),
    PublisherName: quoted(charge.publisherName),
    PublisherId: quoted(charge.publisherId),
    SubscriptionDescription: quoted(charge.subscriptionDescription),
    SubscriptionId: quoted(charge.subscriptionId),
    AlternateId: quoted(charge.orderId),
    ProductCategory: quoted(charge.category),
  };
}

function moneyOf(scope: DataScope, charge: Charge): Record<string, string | null> {
  const amount = (value: bigint): string => plainText(value, AMOUNT_SCALE);
  return {
    UnitPrice: sparkNumber(plainText(charge.unitPrice, PRICE_SCALE)),
    Quantity: plainText(charge.quantity, QUANTITY_SCALE),
    Subtotal: amount(charge.subtotal),
    TaxTotal: amount(taxOf(scope, charge)),
    Total: amount(totalOf(scope, charge)),
    Currency: quoted(scope.currency),
    PriceAdjustmentDescription: quoted(JSON.stringify(charge.adjustments ?? [])),
    EffectiveUnitPrice: sparkNumber(plainText(charge.effectiveUnitPrice, PRICE_SCALE)),
    BillableQuantity: plainText(charge.billableQuantity, QUANTITY_SCALE),
    PricingCurrency: quoted(charge.pricingCurrency),
    PCToBCExchangeRate: charge.rate,
    PCToBCExchangeRateDate: quoted(
      charge.rate === '1' ? '0001-01-01T00:00:00' : `${dayText(scope.month, 1)}T00:00:00`,
    ),
  };
}

function termsOf(scope: DataScope, charge: Charge): Record<string, string | null> {
  const isAzurePlan = charge.category === 'Azure';
  return {
    ChargeType: quoted(charge.chargeType),
    ChargeStartDate: quoted(charge.start),
    ChargeEndDate: quoted(charge.end),
    TermAndBillingCycle: quoted(charge.term),
    UnitType: quoted(charge.unitType),
    BillingFrequency: quoted(scope.invoice === null ? null : charge.frequency),
    MeterDescription: quoted(charge.meterDescription),
    ReservationOrderId: quoted(charge.reservationOrderId),
    CreditReasonCode: quoted(charge.creditReason),
    SubscriptionStartDate: quoted(isAzurePlan ? null : charge.orderDate),
    SubscriptionEndDate: quoted(isAzurePlan ? null : charge.end),
    ReferenceId: quoted(charge.referenceId),
    ProductQualifiers: charge.qualifiers === undefined ? '[]' : JSON.stringify(charge.qualifiers),
    PromotionId: quoted(charge.promotionId),
  };
}
