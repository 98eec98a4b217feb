import { defineTable } from '../table.js';
import {
  RECONCILIATION_COLUMNS,
  RECONCILIATION_IDENTITY,
  RECONCILIATION_MEASURES,
} from './reconciliation-columns.js';

/** Reconciliation lines of an open month in one currency: an estimate (api-contract.md E4, section 6.7). */
export const UNBILLED_RECONCILIATION = defineTable({
  name: 'unbilled_reconciliation',
  version: 1,
  scopedBy: 'month',
  columns: RECONCILIATION_COLUMNS,
  identity: RECONCILIATION_IDENTITY,
  measures: RECONCILIATION_MEASURES,
  required: ['currency', 'subtotal'],
  amount: 'subtotal',
  currency: 'currency',
  tenant: 'partner_id',
});
