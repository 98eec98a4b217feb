-- An amount cut off, toward zero, after its currency's smallest unit: Microsoft's ROUNDDOWN. Null where the amount or the
-- currency is null, and where minor_units() does not know the currency: a check then says not_checked. DECIMAL(38, 22).
-- Source: api-contract.md section 8.1; domain.md section C2 (floor fails on refunds; minor units come from the currency).
CREATE OR REPLACE MACRO {{dataset}}.trunc_money(amount, currency) AS list_transform(
  [{'amount': {{dataset}}._exact(amount), 'unit': {{dataset}}.money_unit(currency)}],
  lambda m: m.amount - m.amount % m.unit
)[1];
