import { defineTable } from '../table.js';
import { USAGE_COLUMNS, USAGE_IDENTITY, USAGE_MEASURES } from './usage-columns.js';

/** Daily rated usage of an open month in one currency: an estimate that moves daily (api-contract.md E2, section 5.5). */
export const UNBILLED_USAGE = defineTable({
  name: 'unbilled_usage',
  version: 1,
  scopedBy: 'month',
  columns: USAGE_COLUMNS,
  identity: USAGE_IDENTITY,
  measures: USAGE_MEASURES,
  required: ['billing_currency', 'billing_pre_tax_total'],
  amount: 'billing_pre_tax_total',
  currency: 'billing_currency',
  tenant: 'partner_id',
});
