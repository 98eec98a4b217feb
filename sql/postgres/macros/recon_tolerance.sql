-- How much a check lets pass: per_unit for each of the units compared (reconciliation lines; licences in line_recalc; 1
-- for a whole invoice), and at_most in all. Both as the configuration says (tolerance:, kept in _tolerances): for the
-- currency, else for default; where it says nothing, one smallest unit of the currency for each and a hundred of them in
-- all; no end in usage_completeness, whose one result adds up what is allowed for every line of an invoice. It never changes a figure. Null where units or currency is null, and where the currency's smallest unit would be
-- needed and is unknown: a check then says not_checked. A check that is not listed here is an error.
-- Source: domain.md section C3 (tolerance policy), section C2 (minor units come from the currency).
CREATE OR REPLACE FUNCTION {{dataset}}.recon_tolerance(of_check text, of_currency text, units numeric) RETURNS numeric
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
  unit numeric := {{dataset}}.money_unit(of_currency);
  for_units numeric;
  in_all numeric;
BEGIN
  IF of_check NOT IN (
    'invoice_tieout', 'usage_vs_invoice', 'usage_completeness', 'line_recalc', 'pec_missed', 'unbilled_vs_billed'
  ) THEN
    RAISE EXCEPTION 'recon_tolerance: % is no check that has a tolerance', of_check
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT
    {{dataset}}.mul(units, coalesce(
      max(t.per_unit) FILTER (WHERE t.currency = upper(of_currency)),
      max(t.per_unit) FILTER (WHERE t.currency = 'default'),
      unit
    )),
    coalesce(
      max(t.at_most) FILTER (WHERE t.currency = upper(of_currency)),
      max(t.at_most) FILTER (WHERE t.currency = 'default'),
      CASE WHEN of_check <> 'usage_completeness' THEN 100 * unit END
    )
    INTO for_units, in_all
  FROM {{dataset}}._tolerances t
  WHERE t.check_name = of_check;
  RETURN CASE
    WHEN of_check IS NULL OR of_currency IS NULL THEN NULL
    WHEN for_units <= in_all THEN for_units
    WHEN in_all < for_units THEN in_all
    WHEN of_check = 'usage_completeness' AND in_all IS NULL THEN for_units
  END;
END
$$;
