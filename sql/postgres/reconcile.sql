-- Reading the checks (views recon_*); connector/load/check-rows.ts runs these, read-only.

-- name: columns of view
-- $1 is the view's name, quoted.
SELECT a.attname AS column_name, format_type(a.atttypid, NULL) AS column_type
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = CAST($1 AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- name: counted
SELECT
  {{subject}} AS subject,
  v.currency,
  v.status,
  CASE WHEN v.status = 'not_checked' THEN v.reason END AS reason,
  count(*) AS records,
  count(CASE WHEN {{remarked}} THEN 1 END) AS remarked,
  max(abs(v.difference)) AS largest
FROM {{view}} v
WHERE {{filters}}
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4;

-- name: worst
-- The first rows of each status and currency that do not match, or are remarked on: largest difference first.
SELECT f.*
FROM (
  SELECT
    {{columns}},
    row_number() OVER (PARTITION BY v.status, v.currency ORDER BY {{order}}) AS nth
  FROM {{view}} v
  WHERE (v.status IN ({{statuses}}) OR {{remarked}}) AND {{filters}}
) f
WHERE f.nth <= CAST({{most}} AS BIGINT)
ORDER BY f.currency NULLS LAST, abs(f.difference) DESC NULLS LAST, f.nth;

-- name: all
SELECT {{columns}}
FROM {{view}} v
WHERE {{filters}}
ORDER BY
  CASE v.status
    WHEN 'mismatch' THEN 1 WHEN 'left_only' THEN 1 WHEN 'right_only' THEN 1 WHEN 'partial' THEN 2 WHEN 'not_checked' THEN 3 ELSE 4
  END,
  v.currency NULLS LAST, {{order}}

-- name: order
abs(v.difference) DESC NULLS LAST, {{subject}} NULLS LAST, {{columns}}

-- name: no subject
CAST(NULL AS text)

-- name: findings
'mismatch', 'left_only', 'right_only', 'partial'

-- name: findings that nobody can decide
'mismatch', 'left_only', 'right_only', 'partial', 'not_checked'

-- name: remarked
-- It matches, and all the same there is something to say of it.
(v.status IN ('matched', 'within_tolerance') AND {{column}} IS NOT NULL)

-- name: not remarked
false

-- name: everything
true

-- name: current
-- Of all snapshots that were ever published the one that readers see, and what has none.
(v.is_current OR v.proof_status = 'not published')

-- name: nothing
false

-- name: of invoices
v.invoice_number IN ({{names}})

-- name: of month
substr(CAST(v.billing_month AS text), 1, 7) = {{name}}

-- name: of customers
-- What could not be checked of a whole invoice concerns every customer.
(lower(v.customer_id) IN ({{names}}) OR (v.customer_id IS NULL AND v.status = 'not_checked'))

-- name: invoices of month
SELECT i.invoice_number
FROM {{dataset}}.invoices i
WHERE i.billing_month = CAST($1 AS DATE)
UNION
SELECT c.scope
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.stream IN ('billed_usage', 'billed_reconciliation') AND s.billing_month = CAST($1 AS DATE)
ORDER BY 1;

-- name: customers of reseller
SELECT DISTINCT lower(t.customer_id) AS customer_id
FROM {{dataset}}.billed_reconciliation t
WHERE t.tier2_mpn_id = $1 AND t.customer_id IS NOT NULL
ORDER BY 1;

-- name: is known
SELECT
  (SELECT count(*) FROM {{dataset}}.invoices i WHERE i.invoice_number = $1)
  + (SELECT count(*) FROM {{dataset}}._scopes c WHERE c.scope = $1)
  + CASE WHEN EXISTS (SELECT 1 FROM {{dataset}}.billed_reconciliation t WHERE t.invoice_number = $1) THEN 1 ELSE 0 END
  + CASE WHEN EXISTS (SELECT 1 FROM {{dataset}}.billed_usage u WHERE u.invoice_number = $1) THEN 1 ELSE 0 END AS records;
