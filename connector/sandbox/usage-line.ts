import type { AttributeSet } from '../../schemas/streams.js';
import { USAGE_COLUMNS } from '../../schemas/tables/usage-columns.js';
import { dayText, nextMonthStart, type DataScope } from './data-scope.js';
import { guidOf, pick } from './seeded.js';
import { rateOf, type Price } from './usage-prices.js';
import type { UsageSeries } from './usage-series.js';

/** The fields of a row that change from day to day, in their order in a line. */
const DAILY = ['UsageDate', 'Quantity', 'BillingPreTaxTotal', 'PricingPreTaxTotal'] as const;

const FULL_COLUMNS = USAGE_COLUMNS.map(({ source, inBasic }) => ({
  source,
  inBasic,
  /** The field's name as a line has it. */
  name: `"${source}":`,
  isDaily: DAILY.some((daily) => daily === source),
}));
const LINE_COLUMNS = { full: FULL_COLUMNS, basic: FULL_COLUMNS.filter(({ inBasic }) => inBasic) };

/**
 * A usage line with its daily fields left out: five stretches of bytes, with `UsageDate`, `Quantity`,
 * `BillingPreTaxTotal` and `PricingPreTaxTotal` to be written between them, in that order. Like Spark, a field
 * without a value is left out.
 */
export function usageTemplate(
  tenantId: string,
  scope: DataScope,
  series: UsageSeries,
  price: Price,
  attributeSet: AttributeSet,
): readonly Buffer[] {
  const values: Readonly<Record<string, string | null>> = {
    ...who(tenantId, scope, series),
    ...what(series),
    ...when(scope, series),
    ...money(scope, price),
    ...benefit(scope, series),
  };
  const stretches: Buffer[] = [];
  let text = '';
  let separator = '{';
  for (const { source, name, isDaily } of LINE_COLUMNS[attributeSet]) {
    if (isDaily) {
      stretches.push(Buffer.from(text + separator + name));
      text = '';
    } else {
      const value = values[source];
      if (value === undefined || value === null) continue;
      text += separator + name + value;
    }
    separator = ',';
  }
  stretches.push(Buffer.from(`${text}}`));
  return stretches;
}

function quoted(text: string | null): string | null {
  return text === null ? null : JSON.stringify(text);
}

function who(
  tenantId: string,
  scope: DataScope,
  { customer, plan, entitlement }: UsageSeries,
): Record<string, string | null> {
  return {
    PartnerId: quoted(tenantId),
    PartnerName: quoted('Fabrikam Cloud Partner'),
    CustomerId: quoted(customer.id),
    CustomerName: quoted(customer.name),
    CustomerDomainName: quoted(customer.domain),
    CustomerCountry: quoted(customer.country),
    MpnId: quoted(customer.mpnId),
    Tier2MpnId: quoted(scope.invoice === null ? null : customer.tier2MpnId),
    InvoiceNumber: quoted(scope.invoice),
    SubscriptionDescription: quoted('Azure plan'),
    SubscriptionId: quoted(plan.id),
    EntitlementId: quoted(entitlement.id),
    EntitlementDescription: quoted(entitlement.description),
  };
}

function what(series: UsageSeries): Record<string, string | null> {
  const { meter, random, entitlement } = series;
  const group = `rg-${pick(['app', 'data', 'Übung', 'network'], random >>> 5)}-${(random >>> 9) % 40}`;
  const name = `${pick(['web', 'api', 'batch', 'lake'], random >>> 7)}-${series.number.toString(36)}-${random.toString(16)}`;
  const uri = `/subscriptions/${entitlement.id}/resourceGroups/${group}/providers/${meter.resourceType}/${name}`;
  const environment = pick(['prod', 'test', 'dev'], random >>> 11);
  return {
    ProductId: quoted(meter.productId),
    SkuId: quoted(meter.skuId),
    AvailabilityId: quoted(meter.availabilityId),
    SkuName: quoted(meter.skuName),
    ProductName: quoted(meter.productName),
    PublisherName: quoted('Microsoft'),
    MeterType: quoted(meter.meterType),
    MeterCategory: quoted(meter.category),
    MeterId: quoted(meter.meterId),
    MeterSubCategory: quoted(meter.subCategory),
    MeterName: quoted(meter.meterName),
    MeterRegion: quoted('EU West'),
    Unit: quoted(meter.unit),
    ResourceLocation: quoted('EUWEST'),
    ConsumedService: quoted(meter.service),
    ResourceGroup: quoted(random % 2 === 0 ? group.toUpperCase() : group),
    ResourceURI: quoted(uri),
    UnitType: quoted(meter.unit),
    Tags: quoted(
      random % 3 === 0 ? null : `"env": "${environment}","cost center": "${4000 + (random % 900)}"`,
    ),
    AdditionalInfo: quoted(additionalInfo(series, name)),
  };
}

function additionalInfo(series: UsageSeries, name: string): string | null {
  if (series.coveredBy === 'reservation') {
    return `{"ReservationOrderId":"${reservationOrderId(series.plan.id)}",  "ServiceType":"${series.meter.skuName}",  "VMName":"${name}",  "VCPUs":2}`;
  }
  if (!series.meter.resourceType.endsWith('/virtualMachines')) return null;
  return `{"ImageType":"Canonical",  "ServiceType":"${series.meter.skuName}",  "VMName":"${name}",  "VMProperties":null,  "UsageType":"ComputeHR"}`;
}

function when(scope: DataScope, series: UsageSeries): Record<string, string | null> {
  const end = series.random % 2 === 0 ? nextMonthStart(scope.month) : dayText(scope.month, scope.monthDays);
  return {
    ChargeStartDate: quoted(`${scope.month}-01T00:00:00Z`),
    ChargeEndDate: quoted(`${end}T00:00:00Z`),
    ChargeType: quoted(scope.invoice === null && series.random % 4 === 0 ? null : 'new'),
  };
}

function money(scope: DataScope, price: Price): Record<string, string | null> {
  const rate = rateOf(scope.currency);
  return {
    UnitPrice: price.unitPrice,
    BillingCurrency: quoted(scope.currency),
    PricingCurrency: quoted('USD'),
    EffectiveUnitPrice: price.effectiveUnitPrice,
    PCToBCExchangeRate: rate,
    PCToBCExchangeRateDate: quoted(rate === '1' ? '0001-01-01T00:00:00' : `${scope.month}-01T00:00:00Z`),
    PartnerEarnedCreditPercentage: price.creditPercentage,
    CreditPercentage: price.creditPercentage,
    CreditType: quoted(
      price.creditPercentage === '0' ? 'Credit Not Applied' : 'Partner Earned Credit Applied',
    ),
  };
}

function benefit(scope: DataScope, { coveredBy, plan, meter }: UsageSeries): Record<string, string | null> {
  if (coveredBy === 'savings plan') {
    const orderId = savingsPlanOrderId(plan.id);
    return {
      BenefitOrderID: quoted(scope.invoice === null ? null : orderId),
      BenefitID: quoted(scope.invoice === null ? null : guidOf(`${orderId} benefit`)),
      BenefitType: quoted('SavingsPlan'),
    };
  }
  return { BenefitType: quoted(meter.resourceType.endsWith('/virtualMachines') ? 'Charge' : null) };
}

/** The order that a plan's savings plan was bought with: `BenefitOrderID` of usage, `ReservationOrderId` of lines. */
export function savingsPlanOrderId(planId: string): string {
  return guidOf(`${planId} savings plan`);
}

/** The order that a plan's reservation was bought with: in `AdditionalInfo` of usage, `ReservationOrderId` of lines. */
export function reservationOrderId(planId: string): string {
  return guidOf(`${planId} reservation`);
}
