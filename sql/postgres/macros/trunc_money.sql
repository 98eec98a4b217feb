-- An amount cut off, toward zero, after its currency's smallest unit: Microsoft's ROUNDDOWN. Null where the amount or the
-- currency is null, and where minor_units() does not know the currency: a check then says not_checked.
-- Source: api-contract.md section 8.1; domain.md section C2 (floor fails on refunds; minor units come from the currency).
CREATE OR REPLACE FUNCTION {{dataset}}.trunc_money(amount numeric, currency text) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog AS $$
BEGIN
  IF abs(amount) >= 10000000000000000 OR amount <> trunc(amount, 22) THEN
    RAISE EXCEPTION 'trunc_money: % is not below 10^16 with at most 22 fractional digits', amount
      USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  RETURN trunc(amount, {{dataset}}.minor_units(currency));
END
$$;
