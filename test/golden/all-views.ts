import type { GoldenView } from './golden-case.js';
import { RECON_FX_RATES } from './recon-fx-rates.js';
import { RECON_INVOICE_TIEOUT } from './recon-invoice-tieout.js';
import { RECON_LINE_RECALC } from './recon-line-recalc.js';
import { RECON_LOAD_COMPLETENESS } from './recon-load-completeness.js';
import { RECON_ORPHANS } from './recon-orphans.js';
import { RECON_PEC_MISSED } from './recon-pec-missed.js';
import { RECON_POSSIBLE_DUPLICATES } from './recon-possible-duplicates.js';
import { RECON_SNAPSHOT_CHANGES } from './recon-snapshot-changes.js';
import { RECON_UNBILLED_VS_BILLED } from './recon-unbilled-vs-billed.js';
import { RECON_USAGE_COMPLETENESS } from './recon-usage-completeness.js';
import { RECON_USAGE_VS_INVOICE } from './recon-usage-vs-invoice.js';
import { RPT_AZURE_COST } from './rpt-azure-cost.js';
import { RPT_COST_BY_CUSTOMER } from './rpt-cost-by-customer.js';
import { RPT_CREDITS_AND_REFUNDS } from './rpt-credits-and-refunds.js';
import { RPT_MONTH_OVER_MONTH } from './rpt-month-over-month.js';
import { RPT_RESELLER_SPLIT } from './rpt-reseller-split.js';

/** The golden data of every view; one line a view, in the order of their names. */
export const GOLDEN_VIEWS: readonly GoldenView[] = [
  RECON_FX_RATES,
  RECON_INVOICE_TIEOUT,
  RECON_LINE_RECALC,
  RECON_LOAD_COMPLETENESS,
  RECON_ORPHANS,
  RECON_PEC_MISSED,
  RECON_POSSIBLE_DUPLICATES,
  RECON_SNAPSHOT_CHANGES,
  RECON_UNBILLED_VS_BILLED,
  RECON_USAGE_COMPLETENESS,
  RECON_USAGE_VS_INVOICE,
  RPT_AZURE_COST,
  RPT_COST_BY_CUSTOMER,
  RPT_CREDITS_AND_REFUNDS,
  RPT_MONTH_OVER_MONTH,
  RPT_RESELLER_SPLIT,
];
