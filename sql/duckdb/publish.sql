-- Publishing one snapshot, in one transaction; connector/load/publish.ts runs these in order.
-- Temporary tables: scope (what is replaced), staged (the snapshot as it came), published (keys of the rows that
-- stand), unmatched (what the two do not share), planned (what happens to each unmatched one).

-- name: lock
-- The file has one owner, and a run publishes one snapshot at a time: connector/load/duckdb.
SELECT $1 IS NOT NULL AS locked;

-- name: settings
-- Memory, threads and the folder to spill into are set when the file is opened.
SELECT true AS done;

-- name: published snapshot
SELECT s.*
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.stream = $1 AND c.scope = $2;

-- name: create staged
CREATE TEMPORARY TABLE staged ({{definitions}});

-- name: keep rejected
INSERT INTO {{dataset}}._rejected_records
  (load_id, stream, scope, blob_name, line_number, field, reason, line, line_bytes, line_sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: analyze staged
-- DuckDB keeps its own statistics.
SELECT true AS done;

-- name: loaded staged
temp.staged t

-- name: loaded direct
{{target}} t WHERE {{in_scope}}

-- name: no invoice number
CAST(NULL AS VARCHAR)

-- name: no day of use
CAST(NULL AS DATE)

-- name: no digest
count(*) AS records, '0' AS high, '0' AS low

-- name: loaded rows
-- One pass over the wide rows, into few groups; the rest is said of these. A part is a list of values and how many have
-- each, the most frequent first.
-- Exact at any size: whole amounts and fractions apart, because DECIMAL(38, 22) holds a sum below 10^16 only.
WITH groups AS MATERIALIZED (
  SELECT
    t._blob_name,
    t.{{tenant}} AS tenant,
    {{invoice}} AS invoice_number,
    t.{{currency}} AS currency,
    {{used_on}} AS used_on,
    sum(CAST(trunc(t.{{amount}}) AS HUGEINT)) AS whole,
    sum(t.{{amount}} - trunc(t.{{amount}})) AS fraction,
    {{digest}}
  FROM {{loaded}}
  GROUP BY 1, 2, 3, 4, 5
),
parts AS (
  SELECT 'blob' AS part, _blob_name AS value, sum(records) AS records,
    coalesce(sum(records) FILTER (WHERE tenant IS NULL), 0) AS without_tenant
  FROM groups
  GROUP BY 2
  UNION ALL
  (
    SELECT 'tenant', lower(tenant), sum(records), 0 FROM groups
    WHERE tenant IS NOT NULL
    GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 6
  )
  UNION ALL
  (SELECT 'invoice', invoice_number, sum(records), 0 FROM groups GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT $1)
  UNION ALL
  (
    SELECT 'month', strftime(used_on, '%Y-%m'), sum(records), 0 FROM groups
    WHERE used_on IS NOT NULL
    GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 1000
  )
)
SELECT part, value, records, without_tenant,
  CAST(NULL AS VARCHAR) AS whole, CAST(NULL AS VARCHAR) AS fraction, CAST(NULL AS VARCHAR) AS high, CAST(NULL AS VARCHAR) AS low
FROM parts
UNION ALL
SELECT 'currency', upper(currency), sum(records), 0, CAST(sum(whole) AS VARCHAR), CAST(sum(fraction) AS VARCHAR), NULL, NULL
FROM groups
GROUP BY 2
UNION ALL
SELECT 'digest', NULL, coalesce(sum(records), 0), 0, NULL, NULL,
  CAST(coalesce(sum(CAST(high AS HUGEINT)), 0) AS VARCHAR), CAST(coalesce(sum(CAST(low AS HUGEINT)), 0) AS VARCHAR)
FROM groups
ORDER BY part, records DESC, value;

-- name: create scope by invoice
CREATE TEMPORARY TABLE scope (invoice_number VARCHAR);

-- name: add to scope by invoice
INSERT INTO temp.scope VALUES ($1);

-- name: create scope by month
CREATE TEMPORARY TABLE scope (billing_month DATE, currency VARCHAR);

-- name: add to scope by month
INSERT INTO temp.scope VALUES (CAST($1 AS DATE), $2);

-- name: in scope by invoice
t.invoice_number IN (SELECT c.invoice_number FROM temp.scope c)

-- name: in scope by month
(t.billing_month, upper(t.{{currency}})) IN (SELECT c.billing_month, c.currency FROM temp.scope c)

-- name: analyze scope
-- DuckDB keeps its own statistics.
SELECT true AS done;

-- name: rows of other scopes
-- A row belongs to the scope of the load that wrote it.
SELECT coalesce(s.scope, 'no recorded load') AS value, count(*) AS records
FROM temp.published p
LEFT JOIN {{dataset}}._snapshots s ON s.load_id = p._load_id
WHERE s.load_id IS NULL OR s.stream <> $1 OR s.scope <> $2
GROUP BY 1 ORDER BY records DESC, value LIMIT 5;

-- name: rows that other scopes account for
-- Another scope published them under that very invoice number: nobody moved them here by hand.
SELECT s.scope AS value, count(*) AS records
FROM {{target}} t
JOIN {{dataset}}._snapshots s ON s.load_id = t._load_id
JOIN {{dataset}}._scopes c ON c.stream = s.stream AND c.scope = s.scope
JOIN {{dataset}}._snapshots p ON p.load_id = c.load_id
WHERE {{in_scope}} AND s.stream = $1 AND s.scope <> $2
  AND list_contains(CAST(p.invoice_numbers AS VARCHAR[]), t.invoice_number)
GROUP BY 1 ORDER BY records DESC, value LIMIT 5;

-- name: strays
-- Rows that are not where the loads of the scope put them: in it and by none of its loads, or by one of them and
-- elsewhere; and keys and numbers that occur twice.
(
  ({{in_scope}}) <> (t._load_id IN (
    SELECT s.load_id FROM {{dataset}}._snapshots s
    WHERE s.stream = $1 AND s.scope = $2 AND s.outcome = 'published'
  ))
  OR ({{in_scope}} AND (t.line_item_key, t.line_item_occurrence) IN (
    SELECT t.line_item_key, t.line_item_occurrence
    FROM {{target}} t
    WHERE {{in_scope}}
    GROUP BY t.line_item_key, t.line_item_occurrence
    HAVING count(*) > 1
  ))
)

-- name: keep strays
INSERT INTO {{history}} ({{own_columns}}, _replaced_by_load_id, _change)
SELECT {{own_columns_t}}, $3, 'reloaded'
FROM {{target}} t
WHERE {{strays}};

-- name: delete strays
DELETE FROM {{target}} t
WHERE {{strays}};

-- name: create published
CREATE TEMPORARY TABLE published AS
SELECT t.line_item_key, t.line_item_occurrence, t._row_hash, {{measures_t}}, t._first_load_id, t._load_id
FROM {{target}} t
WHERE {{in_scope}};

-- name: create published of a reload
-- What was changed by hand keeps its stored hash. A row that is not in every value what came under its hash has none
-- here, so that it matches nothing and is replaced.
CREATE TEMPORARY TABLE published AS
SELECT t.line_item_key, t.line_item_occurrence, t._row_hash, {{measures_t}}, t._first_load_id
FROM {{target}} t
SEMI JOIN temp.staged s
  ON s.line_item_key = t.line_item_key AND s._row_hash = t._row_hash
    AND CAST(s._extra AS VARCHAR) IS NOT DISTINCT FROM CAST(t._extra AS VARCHAR) AND {{same_values}}
WHERE {{in_scope}}
UNION ALL
SELECT t.line_item_key, t.line_item_occurrence, CAST(NULL AS UUID) AS _row_hash, {{measures_t}}, t._first_load_id
FROM {{target}} t
ANTI JOIN temp.staged s
  ON s.line_item_key = t.line_item_key AND s._row_hash = t._row_hash
    AND CAST(s._extra AS VARCHAR) IS NOT DISTINCT FROM CAST(t._extra AS VARCHAR) AND {{same_values}}
WHERE {{in_scope}};

-- name: analyze published
-- DuckDB keeps its own statistics.
SELECT true AS done;

-- name: count published
SELECT count(*) AS records FROM temp.published;

-- name: create unmatched
-- Multisets: the nth staged record of a key and hash matches the nth published row of them. What is left over on
-- either side is unmatched: a staged one has a staging_row, a published one a line_item_occurrence. Keys and hashes that
-- both sides have equally often match whole, and are not sorted. A published row without a hash matches nothing.
CREATE TEMPORARY TABLE unmatched AS
WITH differing AS MATERIALIZED (
  SELECT line_item_key, _row_hash
  FROM (
    SELECT line_item_key, _row_hash, 1 AS records FROM temp.staged
    UNION ALL
    SELECT line_item_key, _row_hash, -1 FROM temp.published
  ) r
  GROUP BY line_item_key, _row_hash
  HAVING sum(records) <> 0
)
SELECT
  s.staging_row,
  p.line_item_occurrence,
  coalesce(s.line_item_key, p.line_item_key) AS line_item_key,
  coalesce(s._row_hash, p._row_hash) AS _row_hash,
  {{measures_of_either}},
  p._first_load_id
FROM (
  SELECT rowid AS staging_row, line_item_key, _row_hash, {{measures}},
    row_number() OVER (PARTITION BY line_item_key, _row_hash ORDER BY rowid) AS twin
  FROM temp.staged
  WHERE (line_item_key, _row_hash) IN (SELECT d.line_item_key, d._row_hash FROM differing d)
) s
FULL JOIN (
  SELECT line_item_key, line_item_occurrence, _row_hash, {{measures}}, _first_load_id,
    row_number() OVER (PARTITION BY line_item_key, _row_hash ORDER BY line_item_occurrence) AS twin
  FROM temp.published
  WHERE _row_hash IS NULL
    OR (line_item_key, _row_hash) IN (SELECT d.line_item_key, d._row_hash FROM differing d)
) p ON p.line_item_key = s.line_item_key AND p._row_hash = s._row_hash AND p.twin = s.twin
WHERE s.staging_row IS NULL OR p.line_item_occurrence IS NULL;

-- name: create planned
-- What is left of a key is paired in the order of its measures: both sides: changed; only published: removed; only
-- staged: added, to be numbered. Where a key has some to add, none of its published rows is removed.
CREATE TEMPORARY TABLE planned AS
WITH ranked AS (
  SELECT *,
    row_number() OVER (
      PARTITION BY line_item_key, staging_row IS NULL
      ORDER BY {{measures_sorted}}, _row_hash, line_item_occurrence, staging_row
    ) AS place
  FROM temp.unmatched
)
SELECT
  s.staging_row,
  coalesce(s.line_item_key, p.line_item_key) AS line_item_key,
  p.line_item_occurrence,
  p._first_load_id,
  s.place,
  CASE
    WHEN p.line_item_key IS NULL THEN 'added'
    WHEN s.line_item_key IS NULL THEN 'removed'
    ELSE 'changed'
  END AS change
FROM (SELECT * FROM ranked WHERE staging_row IS NOT NULL) s
FULL JOIN (SELECT * FROM ranked WHERE staging_row IS NULL) p
  ON p.line_item_key = s.line_item_key AND p.place = s.place;

-- name: create planned of a first load
CREATE TEMPORARY TABLE planned AS
SELECT
  rowid AS staging_row,
  line_item_key,
  CAST(row_number() OVER (
    PARTITION BY line_item_key ORDER BY {{measures_sorted}}, _row_hash, rowid
  ) AS INTEGER) AS line_item_occurrence,
  CAST(NULL AS VARCHAR) AS _first_load_id,
  'added' AS change
FROM temp.staged;

-- name: read in blocks
-- DuckDB reads whole columns.
SELECT true AS done;

-- name: read as planned
-- DuckDB reads whole columns.
SELECT true AS done;

-- name: any row of the scope
SELECT count(*) AS records FROM (SELECT 1 FROM {{target}} t WHERE {{in_scope}} LIMIT 1) found;

-- name: own keys
-- None: DuckDB's index costs more than the load itself.
SELECT 0 AS records WHERE $1 IS NOT NULL AND $2 IS NOT NULL AND $3 IS NOT NULL;

-- name: takes an append
-- Every column must be filled, so there may be no other ones. The appender compares the types.
SELECT CASE WHEN $3 THEN 1 ELSE 0 END AS tables WHERE $1 IS NOT NULL AND $2 IS NOT NULL;

-- name: create planned of repeats
CREATE TEMPORARY TABLE planned AS
SELECT
  t.rowid AS target_row,
  t.line_item_key,
  CAST(row_number() OVER (
    PARTITION BY t.line_item_key ORDER BY {{measures_sorted}}, t._row_hash, t.rowid
  ) AS INTEGER) AS line_item_occurrence
FROM {{target}} t
WHERE {{in_scope}} AND t.line_item_key IN (
  SELECT t.line_item_key FROM {{target}} t WHERE {{in_scope}} GROUP BY t.line_item_key HAVING count(*) > 1
);

-- name: renumber repeats
-- By their place in the table: no key tells them apart.
UPDATE {{target}} t
SET line_item_occurrence = p.line_item_occurrence
FROM temp.planned p
WHERE t.rowid = p.target_row AND p.line_item_occurrence <> 1 AND {{in_scope}};

-- name: repeated keys of a first load
-- All keys that are not planned occur once.
SELECT count(*) AS records
FROM (
  SELECT 1 FROM {{target}} t
  WHERE {{in_scope}} AND t.line_item_key IN (SELECT p.line_item_key FROM temp.planned p)
  GROUP BY t.line_item_key, t.line_item_occurrence
  HAVING count(*) > 1
) repeated;

-- name: number the added
-- The smallest numbers that no published row of the key has, in the order of the measures.
WITH added AS (
  SELECT staging_row, line_item_key,
    row_number() OVER (PARTITION BY line_item_key ORDER BY place) AS nth
  FROM temp.planned
  WHERE change = 'added'
),
used AS (
  SELECT p.line_item_key, p.line_item_occurrence
  FROM temp.published p
  WHERE p.line_item_key IN (SELECT line_item_key FROM added)
),
asked AS (
  SELECT a.line_item_key, a.wanted + count(u.line_item_key) AS upto
  FROM (SELECT line_item_key, count(*) AS wanted FROM added GROUP BY line_item_key) a
  LEFT JOIN used u ON u.line_item_key = a.line_item_key
  GROUP BY a.line_item_key, a.wanted
),
free AS (
  SELECT a.line_item_key, n.number,
    row_number() OVER (PARTITION BY a.line_item_key ORDER BY n.number) AS nth
  FROM asked a
  CROSS JOIN LATERAL (SELECT unnest(generate_series(1, a.upto)) AS number) n
  LEFT JOIN used u ON u.line_item_key = a.line_item_key AND u.line_item_occurrence = n.number
  WHERE u.line_item_key IS NULL
)
UPDATE temp.planned p
SET line_item_occurrence = CAST(free.number AS INTEGER)
FROM added
JOIN free ON free.line_item_key = added.line_item_key AND free.nth = added.nth
WHERE p.staging_row = added.staging_row AND p.change = 'added';

-- name: analyze planned
-- DuckDB keeps its own statistics.
SELECT true AS done;

-- name: count planned
SELECT change AS value, count(*) AS records FROM temp.planned GROUP BY change;

-- name: keep history
INSERT INTO {{history}} ({{own_columns}}, _replaced_by_load_id, _change)
SELECT {{own_columns_t}}, $1, coalesce($2, p.change)
FROM {{target}} t
JOIN temp.planned p
  ON p.line_item_key = t.line_item_key AND p.line_item_occurrence = t.line_item_occurrence
WHERE p.change IN ('changed', 'removed') AND {{in_scope}};

-- name: columns of target
-- information_schema would bind every view of the file first; no generated column can be added to a table here.
SELECT column_name FROM (DESCRIBE {{target}}) WHERE $1 IS NOT NULL AND $2 IS NOT NULL;

-- name: create carried
-- Columns that a user added keep their values in rows that change.
CREATE TEMPORARY TABLE carried AS
SELECT t.line_item_key, t.line_item_occurrence, {{carried_t}}
FROM {{target}} t
JOIN temp.planned p
  ON p.line_item_key = t.line_item_key AND p.line_item_occurrence = t.line_item_occurrence
WHERE p.change = 'changed' AND {{in_scope}};

-- name: delete replaced
DELETE FROM {{target}} t
USING temp.planned p
WHERE p.line_item_key = t.line_item_key AND p.line_item_occurrence = t.line_item_occurrence
  AND p.change IN ('changed', 'removed') AND {{in_scope}};

-- name: insert added
INSERT INTO {{target}} ({{columns}}, line_item_occurrence, _load_id, _first_load_id)
SELECT {{columns_s}}, p.line_item_occurrence, $1, $1
FROM (SELECT CAST($2 AS DATE) AS billing_month, s.rowid AS staging_row, s.* FROM temp.staged s) s
JOIN temp.planned p ON p.staging_row = s.staging_row
WHERE p.change = 'added';

-- name: insert changed
INSERT INTO {{target}} ({{columns}}, line_item_occurrence, _load_id, _first_load_id)
SELECT {{columns_s}}, p.line_item_occurrence, $1, p._first_load_id
FROM (SELECT CAST($2 AS DATE) AS billing_month, s.rowid AS staging_row, s.* FROM temp.staged s) s
JOIN temp.planned p ON p.staging_row = s.staging_row
WHERE p.change = 'changed';

-- name: insert changed with carried
INSERT INTO {{target}} ({{carried}}, {{columns}}, line_item_occurrence, _load_id, _first_load_id)
SELECT {{carried_c}}, {{columns_s}}, p.line_item_occurrence, $1, p._first_load_id
FROM (SELECT CAST($2 AS DATE) AS billing_month, s.rowid AS staging_row, s.* FROM temp.staged s) s
JOIN temp.planned p ON p.staging_row = s.staging_row
JOIN temp.carried c
  ON c.line_item_key = p.line_item_key AND c.line_item_occurrence = p.line_item_occurrence
WHERE p.change = 'changed';

-- name: digest target
SELECT {{digest}} FROM {{target}} t WHERE {{in_scope}};

-- name: repeated keys
SELECT count(*) AS records
FROM (
  SELECT 1 FROM {{target}} t
  WHERE {{in_scope}}
  GROUP BY t.line_item_key, t.line_item_occurrence
  HAVING count(*) > 1
) repeated;

-- name: keep totals
-- A sum of 10^16 or more does not fit its column and fails the publish.
INSERT INTO {{dataset}}.unbilled_totals
  (load_id, stream, billing_month, currency, customer_id, subscription_id, product_id, records, amount)
SELECT $1, $2, CAST($3 AS DATE), $4, t.customer_id, t.subscription_id, t.product_id, count(*), sum(t.{{amount}})
FROM {{loaded}}
GROUP BY t.customer_id, t.subscription_id, t.product_id;

-- name: keep snapshot
INSERT INTO {{dataset}}._snapshots (
  load_id, run_id, stream, scope,
  billing_month, billing_month_from, etag, attribute_set,
  table_version, connector_version, tenant_id,
  operation_id, manifest_id, manifest_created_at, request_ids, root_directory,
  blobs, records_read, records_staged, records_rejected,
  rows_inserted, rows_updated, rows_deleted, rows_unchanged, numbers_rounded,
  invoice_numbers, unknown_fields, sums, proof, proof_version, rows_digest,
  outcome, outcome_kind, outcome_reason, recorded_at, published_at
) VALUES (
  $1, $2, $3, $4,
  CAST($5 AS DATE), $6, $7, $8,
  $9, $10, $11,
  $12, $13, CAST($14 AS TIMESTAMP), CAST($15 AS JSON), $16,
  $17, $18, $19, $20,
  $21, $22, $23, $24, $25,
  CAST($26 AS JSON), CAST($27 AS JSON), CAST($28 AS JSON), CAST($29 AS JSON), $30, $31,
  $32, $33, $34, CAST($35 AS TIMESTAMP), CAST($36 AS TIMESTAMP)
);

-- name: keep blob
INSERT INTO {{dataset}}._blobs (
  load_id, blob_name, bytes, inflated_bytes, sha256,
  records_read, records_staged, records_rejected, numbers_rounded, unknown_fields
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CAST($10 AS JSON));

-- name: blobs of snapshot
SELECT * FROM {{dataset}}._blobs WHERE load_id = $1 ORDER BY blob_name;

-- name: keep scope
INSERT INTO {{dataset}}._scopes AS c
  (stream, scope, state, etag, load_id, first_asked_at, last_asked_at, last_checked_at, last_answer)
VALUES ($1, $2, 'published', $3, $4, CAST($5 AS TIMESTAMP), CAST($5 AS TIMESTAMP), CAST($5 AS TIMESTAMP), 'published')
ON CONFLICT (stream, scope) DO UPDATE SET
  state = excluded.state,
  etag = excluded.etag,
  load_id = excluded.load_id,
  first_asked_at = coalesce(c.first_asked_at, excluded.first_asked_at),
  last_asked_at = excluded.last_asked_at,
  last_checked_at = excluded.last_checked_at,
  last_answer = excluded.last_answer,
  next_check_at = NULL;

-- name: drop carried
DROP TABLE IF EXISTS temp.carried;

-- name: drop planned
DROP TABLE IF EXISTS temp.planned;

-- name: drop unmatched
DROP TABLE IF EXISTS temp.unmatched;

-- name: drop published
DROP TABLE IF EXISTS temp.published;

-- name: drop scope
DROP TABLE IF EXISTS temp.scope;

-- name: drop staged
DROP TABLE IF EXISTS temp.staged;
