-- Reading a scope's rows and what they are proven by, in one read-only transaction; connector/load/read-scope.ts and
-- connector/load/stored-proof.ts run these.

-- name: digest
-- Sums of the two halves of the row hashes; they are taken modulo 2^64 outside. A UUID becomes a number by way of its bits.
count(*) AS records,
CAST(coalesce(sum(CAST(CAST(CAST(CAST(t._row_hash AS BLOB) AS BIT) AS UHUGEINT) >> 64 AS UBIGINT)), 0) AS VARCHAR) AS high,
CAST(coalesce(sum(CAST(CAST(CAST(CAST(t._row_hash AS BLOB) AS BIT) AS UHUGEINT) & 18446744073709551615 AS UBIGINT)), 0) AS VARCHAR) AS low

-- name: rows by invoice
t.invoice_number IN (SELECT unnest(CAST(CAST($1 AS JSON) AS VARCHAR[])))

-- name: rows by month
t.billing_month = CAST($1 AS DATE) AND upper(t.{{currency}}) = $2

-- name: scope text by invoice
t.invoice_number

-- name: scope text by month
strftime(t.billing_month, '%Y-%m') || '-' || upper(t.{{currency}})

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
-- Exact at any size: whole amounts and fractions apart, because DECIMAL(38, 22) holds a sum below 10^16 only.
SELECT
  upper(t.{{currency}}) AS currency,
  CAST(sum(CAST(trunc(t.{{amount}}) AS HUGEINT)) AS VARCHAR) AS whole,
  CAST(sum(t.{{amount}} - trunc(t.{{amount}})) AS VARCHAR) AS fraction
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
WHERE t._row_hash = CAST($1 AS UUID)
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
WHERE {{scope_text}} NOT IN (SELECT unnest(CAST(CAST($1 AS JSON) AS VARCHAR[])))
ORDER BY 2, 3, 4
LIMIT 10;
