import { defineTable } from '../table.js';
import { USAGE_COLUMNS, USAGE_IDENTITY, USAGE_MEASURES } from './usage-columns.js';

/** Billed daily rated usage of one invoice (api-contract.md E1, section 5). */
export const BILLED_USAGE = defineTable({
  name: 'billed_usage',
  version: 1,
  scopedBy: 'invoice',
  columns: USAGE_COLUMNS,
  identity: USAGE_IDENTITY,
  measures: USAGE_MEASURES,
  required: ['invoice_number', 'billing_currency', 'billing_pre_tax_total'],
  amount: 'billing_pre_tax_total',
  currency: 'billing_currency',
  tenant: 'partner_id',
});
