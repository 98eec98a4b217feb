-- Reading a scope's rows and what they are proven by, in one read-only transaction; connector/load/read-scope.ts and
-- connector/load/stored-proof.ts run these.

-- name: digest
-- Sums of the two halves of the row hashes as signed numbers; they are taken modulo 2^64 outside.
count(*) AS records,
CAST(coalesce(sum(CAST(CAST('x' || encode(substring(uuid_send(t._row_hash) FROM 1 FOR 8), 'hex') AS bit(64)) AS bigint)), 0) AS text) AS high,
CAST(coalesce(sum(CAST(CAST('x' || encode(substring(uuid_send(t._row_hash) FROM 9 FOR 8), 'hex') AS bit(64)) AS bigint)), 0) AS text) AS low

-- name: rows by invoice
t.invoice_number = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))

-- name: rows by month
t.billing_month = CAST($1 AS date) AND upper(t.{{currency}}) = $2

-- name: scope text by invoice
t.invoice_number

-- name: scope text by month
to_char(t.billing_month, 'YYYY-MM') || '-' || upper(t.{{currency}})

-- name: published proof
SELECT s.*
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.stream = $1 AND c.scope = $2;

-- name: keep proof digest
UPDATE {{dataset}}._snapshots SET proof_sha256 = $2 WHERE load_id = $1;

-- name: rows digest
SELECT {{digest}} FROM {{target}} t WHERE {{in_scope}};

-- name: sums
-- In two parts, because in DuckDB one could overflow.
SELECT
  upper(t.{{currency}}) AS currency,
  CAST(sum(t.{{amount}}) AS text) AS whole,
  '0' AS fraction
FROM {{target}} t
WHERE {{in_scope}}
GROUP BY 1 ORDER BY 1;

-- name: rows
SELECT t.line_item_key, t.line_item_occurrence, t._row_hash, t._extra, {{columns_t}}
FROM {{target}} t
WHERE {{in_scope}};

-- name: repeated rows
SELECT t.line_item_key, t.line_item_occurrence
FROM {{target}} t
WHERE {{in_scope}}
GROUP BY t.line_item_key, t.line_item_occurrence
HAVING count(*) > 1
ORDER BY 1, 2
LIMIT 10;

-- name: rows of hash
-- Wherever in the table they are.
SELECT {{scope_text}} AS scope, t.line_item_key, t.line_item_occurrence
FROM {{target}} t
WHERE t._row_hash = CAST($1 AS uuid)
ORDER BY 1, 2, 3
LIMIT 10;

-- name: published scopes
SELECT c.scope, s.invoice_numbers
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.stream = $1;

-- name: rows of no scope
SELECT count(*) OVER () AS records, {{scope_text}} AS scope, t.line_item_key, t.line_item_occurrence
FROM {{target}} t
WHERE {{scope_text}} <> ALL (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))
ORDER BY 2, 3, 4
LIMIT 10;
