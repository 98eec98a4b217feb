import type { InvoiceScope } from '../../schemas/scope.js';
import { listedInvoice } from '../listed-invoice.js';
import { usageRecord, type SourceRecord } from '../snapshot.js';
import type { GoldenView } from './golden-case.js';

const at = '2026-11-09T12:00:00Z';
const TAGS = '"env": "prod","team": "a|b"';

function usageOf(invoice: string): InvoiceScope {
  return { by: 'invoice', stream: 'billed_usage', invoice };
}

/** Usage of a virtual machine on a day of October. */
function vm(day: string, amount: string, fields: SourceRecord = {}): SourceRecord {
  return usageRecord({
    ...{ UsageDate: `2026-10-${day}T00:00:00Z`, BillingPreTaxTotal: amount, EntitlementId: 'sub-1' },
    ...{ EntitlementDescription: 'Production', ResourceGroup: 'rg-app', MeterCategory: 'Virtual Machines' },
    ...fields,
  });
}

/** A report has no status; groups told apart by each of their columns occur, and usage without any of them. */
export const RPT_AZURE_COST: GoldenView = {
  view: 'rpt_azure_cost',
  cases: [
    {
      name: 'usage of a resource group written in two ways, with tags, of another category, of a group beyond a to z',
      given: {
        invoices: [listedInvoice('G000001')],
        snapshots: [
          {
            ...{ load: 'l1', scope: usageOf('G000001'), at },
            records: [
              vm('01', '0.1234567891'),
              vm('31', '0.2', { ResourceGroup: 'RG-APP', EntitlementId: 'SUB-1' }),
              vm('02', '-0.05', { Tags: TAGS }),
              vm('03', '1', { MeterCategory: 'Storage', CustomerId: 'c2' }),
              vm('04', '2', { ResourceGroup: 'RG-ÜBER' }),
              vm('05', '3', { BillingCurrency: 'eur' }),
              usageRecord({ UsageDate: '2026-10-06T00:00:00Z', BillingPreTaxTotal: '4' }),
            ],
          },
        ],
      },
      expected: [
        {
          ...{
            currency: 'USD',
            customer_id: 'c1',
            entitlement_id: 'sub-1',
            entitlement_description: 'Production',
          },
          ...{
            resource_group: 'rg-app',
            meter_category: 'Virtual Machines',
            tags: null,
            amount: '0.3234567891',
          },
          ...{ usage_rows: '2', first_usage_date: '2026-10-01', last_usage_date: '2026-10-31' },
          ...{ billing_month: '2026-10-01', attribute_set: 'full', snapshot_ids: 'l1' },
          because: 'RG-APP of SUB-1 is rg-app of sub-1: 0.1234567891 + 0.2, not rounded',
        },
        {
          ...{
            currency: 'USD',
            customer_id: 'c1',
            entitlement_id: 'sub-1',
            entitlement_description: 'Production',
          },
          ...{ resource_group: 'rg-app', meter_category: 'Virtual Machines', tags: TAGS, amount: '-0.05' },
          ...{ usage_rows: '1', first_usage_date: '2026-10-02', last_usage_date: '2026-10-02' },
          ...{ billing_month: '2026-10-01', attribute_set: 'full', snapshot_ids: 'l1' },
          because: 'other tags are another row, their text untouched',
        },
        {
          ...{
            currency: 'USD',
            customer_id: 'c2',
            entitlement_id: 'sub-1',
            entitlement_description: 'Production',
          },
          ...{ resource_group: 'rg-app', meter_category: 'Storage', tags: null, amount: '1' },
          ...{ usage_rows: '1', first_usage_date: '2026-10-03', last_usage_date: '2026-10-03' },
          ...{ billing_month: '2026-10-01', attribute_set: 'full', snapshot_ids: 'l1' },
          because: 'another customer and category',
        },
        {
          ...{
            currency: 'USD',
            customer_id: 'c1',
            entitlement_id: 'sub-1',
            entitlement_description: 'Production',
          },
          ...{ resource_group: 'rg-Über', meter_category: 'Virtual Machines', tags: null, amount: '2' },
          ...{ usage_rows: '1', first_usage_date: '2026-10-04', last_usage_date: '2026-10-04' },
          ...{ billing_month: '2026-10-01', attribute_set: 'full', snapshot_ids: 'l1' },
          because: 'only A to Z become a to z, whatever the database thinks of other letters',
        },
        {
          ...{
            currency: 'EUR',
            customer_id: 'c1',
            entitlement_id: 'sub-1',
            entitlement_description: 'Production',
          },
          ...{ resource_group: 'rg-app', meter_category: 'Virtual Machines', tags: null, amount: '3' },
          ...{ usage_rows: '1', first_usage_date: '2026-10-05', last_usage_date: '2026-10-05' },
          ...{ billing_month: '2026-10-01', attribute_set: 'full', snapshot_ids: 'l1' },
          because: 'currencies are never added',
        },
        {
          ...{ currency: 'USD', customer_id: 'c1', entitlement_id: null, entitlement_description: null },
          ...{ resource_group: null, meter_category: null, tags: null, amount: '4' },
          ...{ usage_rows: '1', first_usage_date: '2026-10-06', last_usage_date: '2026-10-06' },
          ...{ billing_month: '2026-10-01', attribute_set: 'full', snapshot_ids: 'l1' },
          because: 'usage that states none of them is a group of its own, and none is lost',
        },
      ],
    },
    {
      name: 'an export of attribute set basic names no entitlement or group, and nothing tells the month',
      given: {
        snapshots: [
          {
            ...{ load: 'l2', scope: usageOf('G000002'), at, attributeSet: 'basic' },
            records: [usageRecord({ InvoiceNumber: 'G000002' })],
          },
        ],
      },
      expected: [
        {
          ...{ currency: 'USD', customer_id: 'c1', entitlement_id: null, entitlement_description: null },
          ...{ resource_group: null, meter_category: null, tags: null, amount: '1' },
          ...{ usage_rows: '1', first_usage_date: '2026-10-05', last_usage_date: '2026-10-05' },
          ...{ billing_month: null, attribute_set: 'basic', snapshot_ids: 'l2' },
          because: 'attribute_set says that the nulls were not exported',
        },
      ],
    },
  ],
};
