-- An amount cut off, toward zero, after its currency's smallest unit: Microsoft's ROUNDDOWN. Null where the amount or the
-- currency is null, and where minor_units() does not know the currency: a check then says not_checked.
-- Source: api-contract.md section 8.1; domain.md section C2 (floor fails on refunds; minor units come from the currency).
CREATE OR REPLACE FUNCTION {{dataset}}.trunc_money(amount numeric, currency text) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog AS $$
BEGIN
  RETURN trunc({{dataset}}._exact(amount), {{dataset}}.minor_units(currency));
END
$$;
