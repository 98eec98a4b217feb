import { defineTable } from '../table.js';
import {
  RECONCILIATION_COLUMNS,
  RECONCILIATION_IDENTITY,
  RECONCILIATION_MEASURES,
} from './reconciliation-columns.js';

/** Billed reconciliation lines of one invoice (api-contract.md E3, section 6). */
export const BILLED_RECONCILIATION = defineTable({
  name: 'billed_reconciliation',
  version: 1,
  scopedBy: 'invoice',
  columns: RECONCILIATION_COLUMNS,
  identity: RECONCILIATION_IDENTITY,
  measures: RECONCILIATION_MEASURES,
  required: ['invoice_number', 'currency', 'subtotal'],
  amount: 'subtotal',
  currency: 'currency',
  tenant: 'partner_id',
});
