-- How much a check lets pass: per_unit for each of the units compared (reconciliation lines; licences in line_recalc; 1
-- for a whole invoice), and at_most in all. Both as the configuration says (tolerance:, kept in _tolerances): for the
-- currency, else for default; where it says nothing, one smallest unit of the currency for each and a hundred of them in
-- all; no end in usage_completeness, whose one result adds up what is allowed for every line of an invoice. It never changes a figure. Null where units or currency is null, and where the currency's smallest unit would be
-- needed and is unknown: a check then says not_checked. A check that is not listed here is an error. DECIMAL(38, 22).
-- Source: domain.md section C3 (tolerance policy), section C2 (minor units come from the currency).
CREATE OR REPLACE MACRO {{dataset}}.recon_tolerance(of_check, of_currency, units) AS list_transform(list_transform(
  [{
    'check': CASE
      WHEN of_check IN (
        'invoice_tieout', 'usage_vs_invoice', 'usage_completeness', 'line_recalc', 'pec_missed', 'unbilled_vs_billed'
      ) THEN of_check
      WHEN of_check IS NOT NULL THEN error('recon_tolerance: ' || of_check || ' is no check that has a tolerance')
    END,
    'currency': upper(of_currency),
    'unit': {{dataset}}.money_unit(of_currency),
    'units': {{dataset}}._exact(units),
    'per_unit': (
      SELECT map_from_entries(list((t.check_name || ' ' || t.currency, t.per_unit))) FROM {{dataset}}._tolerances t
    ),
    'at_most': (
      SELECT map_from_entries(list((t.check_name || ' ' || t.currency, t.at_most))) FROM {{dataset}}._tolerances t
    )
  }],
  lambda t: {
    'for_units': {{dataset}}.mul(t.units, coalesce(
      t.per_unit[t.check || ' ' || t.currency],
      CASE WHEN t.currency IS NOT NULL THEN t.per_unit[t.check || ' default'] END,
      t.unit
    )),
    'at_most': coalesce(
      t.at_most[t.check || ' ' || t.currency],
      CASE WHEN t.currency IS NOT NULL THEN t.at_most[t.check || ' default'] END,
      CASE WHEN t.check <> 'usage_completeness' THEN 100 * t.unit END
    ),
    'is_endless': t.check = 'usage_completeness'
  }),
  lambda t: CASE
    WHEN t.for_units <= t.at_most THEN t.for_units
    WHEN t.at_most < t.for_units THEN t.at_most
    WHEN t.is_endless AND t.at_most IS NULL THEN t.for_units
  END
)[1];
