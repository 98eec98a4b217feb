-- Publishing one snapshot, in one transaction; connector/load/publish.ts runs these in order.
-- Temporary tables: scope (what is replaced), staged (the snapshot as it came), published (keys of the rows that
-- stand), unmatched (what the two do not share), planned (what happens to each unmatched one).

-- name: lock
-- First of all, so that two publishes of a dataset never interleave.
SELECT pg_advisory_xact_lock(hashtextextended('partner-billing publish ' || $1, 0));

-- name: settings
-- Sorts of narrow rows fit in memory; the server notices within seconds that we are gone. Only temporary tables are
-- analyzed, for their size and whether their keys repeat: a tenth of the usual sample tells that.
-- Compiling a statement takes a second or more, and a plan that is not left to the planner (`read in blocks`) looks as if
-- it were worth it however few the rows are.
SELECT set_config('work_mem', '64MB', true), set_config('maintenance_work_mem', '64MB', true),
  set_config('default_statistics_target', '10', true),
  set_config('jit', 'off', true);

-- name: published snapshot
SELECT s.*
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.stream = $1 AND c.scope = $2;

-- name: create staged
CREATE TEMPORARY TABLE staged ({{definitions}}) ON COMMIT DROP;

-- name: keep rejected
INSERT INTO {{dataset}}._rejected_records
  (load_id, stream, scope, blob_name, line_number, field, reason, line, line_bytes, line_sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: analyze staged
ANALYZE pg_temp.staged (line_item_key, _row_hash);

-- name: loaded staged
pg_temp.staged t

-- name: loaded direct
{{target}} t WHERE {{in_scope}}

-- name: no invoice number
CAST(NULL AS text)

-- name: no day of use
CAST(NULL AS date)

-- name: no digest
count(*) AS records, '0' AS high, '0' AS low

-- name: loaded rows
-- One pass over the wide rows, into few groups; the rest is said of these. A part is a list of values and how many have
-- each, the most frequent first.
-- Exact at any size. In two parts, because in DuckDB one could overflow.
WITH groups AS MATERIALIZED (
  SELECT
    t._blob_name,
    t.{{tenant}} AS tenant,
    {{invoice}} AS invoice_number,
    t.{{currency}} AS currency,
    {{used_on}} AS used_on,
    sum(t.{{amount}}) AS whole,
    0 AS fraction,
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
    SELECT 'month', to_char(used_on, 'YYYY-MM'), sum(records), 0 FROM groups
    WHERE used_on IS NOT NULL
    GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 1000
  )
)
SELECT part, value, records, without_tenant,
  CAST(NULL AS text) AS whole, CAST(NULL AS text) AS fraction, CAST(NULL AS text) AS high, CAST(NULL AS text) AS low
FROM parts
UNION ALL
SELECT 'currency', upper(currency), sum(records), 0, CAST(sum(whole) AS text), CAST(sum(fraction) AS text), NULL, NULL
FROM groups
GROUP BY 2
UNION ALL
SELECT 'digest', NULL, coalesce(sum(records), 0), 0, NULL, NULL,
  CAST(coalesce(sum(CAST(high AS numeric)), 0) AS text), CAST(coalesce(sum(CAST(low AS numeric)), 0) AS text)
FROM groups
ORDER BY part, records DESC, value;

-- name: create scope by invoice
CREATE TEMPORARY TABLE scope (invoice_number text PRIMARY KEY) ON COMMIT DROP;

-- name: add to scope by invoice
INSERT INTO pg_temp.scope VALUES ($1);

-- name: create scope by month
CREATE TEMPORARY TABLE scope (billing_month date, currency text) ON COMMIT DROP;

-- name: add to scope by month
INSERT INTO pg_temp.scope VALUES (CAST($1 AS date), $2);

-- name: in scope by invoice
t.invoice_number IN (SELECT c.invoice_number FROM pg_temp.scope c)

-- name: in scope by month
(t.billing_month, upper(t.{{currency}})) IN (SELECT c.billing_month, c.currency FROM pg_temp.scope c)

-- name: analyze scope
ANALYZE pg_temp.scope;

-- name: rows of other scopes
-- A row belongs to the scope of the load that wrote it.
SELECT coalesce(s.scope, 'no recorded load') AS value, count(*) AS records
FROM pg_temp.published p
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
  AND t.invoice_number IN (SELECT json_array_elements_text(p.invoice_numbers))
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
CREATE TEMPORARY TABLE published ON COMMIT DROP AS
SELECT t.line_item_key, t.line_item_occurrence, t._row_hash, {{measures_t}}, t._first_load_id, t._load_id
FROM {{target}} t
WHERE {{in_scope}};

-- name: create published of a reload
-- What was changed by hand keeps its stored hash. A row that is not in every value what came under its hash has none
-- here, so that it matches nothing and is replaced.
CREATE TEMPORARY TABLE published ON COMMIT DROP AS
SELECT t.line_item_key, t.line_item_occurrence, t._row_hash, {{measures_t}}, t._first_load_id
FROM {{target}} t
WHERE {{in_scope}} AND EXISTS (
  SELECT 1 FROM pg_temp.staged s
  WHERE s.line_item_key = t.line_item_key AND s._row_hash = t._row_hash
    AND CAST(s._extra AS text) IS NOT DISTINCT FROM CAST(t._extra AS text) AND {{same_values}}
)
UNION ALL
SELECT t.line_item_key, t.line_item_occurrence, CAST(NULL AS uuid) AS _row_hash, {{measures_t}}, t._first_load_id
FROM {{target}} t
WHERE {{in_scope}} AND NOT EXISTS (
  SELECT 1 FROM pg_temp.staged s
  WHERE s.line_item_key = t.line_item_key AND s._row_hash = t._row_hash
    AND CAST(s._extra AS text) IS NOT DISTINCT FROM CAST(t._extra AS text) AND {{same_values}}
);

-- name: analyze published
ANALYZE pg_temp.published (line_item_key, _row_hash);

-- name: count published
SELECT count(*) AS records FROM pg_temp.published;

-- name: create unmatched
-- Multisets: the nth staged record of a key and hash matches the nth published row of them. What is left over on
-- either side is unmatched: a staged one has a staging_row, a published one a line_item_occurrence. Keys and hashes that
-- both sides have equally often match whole, and are not sorted. A published row without a hash matches nothing.
CREATE TEMPORARY TABLE unmatched ON COMMIT DROP AS
WITH differing AS MATERIALIZED (
  SELECT line_item_key, _row_hash
  FROM (
    SELECT line_item_key, _row_hash, 1 AS records FROM pg_temp.staged
    UNION ALL
    SELECT line_item_key, _row_hash, -1 FROM pg_temp.published
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
  SELECT ctid AS staging_row, line_item_key, _row_hash, {{measures}},
    row_number() OVER (PARTITION BY line_item_key, _row_hash ORDER BY ctid) AS twin
  FROM pg_temp.staged
  WHERE (line_item_key, _row_hash) IN (SELECT d.line_item_key, d._row_hash FROM differing d)
) s
FULL JOIN (
  SELECT line_item_key, line_item_occurrence, _row_hash, {{measures}}, _first_load_id,
    row_number() OVER (PARTITION BY line_item_key, _row_hash ORDER BY line_item_occurrence) AS twin
  FROM pg_temp.published
  WHERE _row_hash IS NULL
    OR (line_item_key, _row_hash) IN (SELECT d.line_item_key, d._row_hash FROM differing d)
) p ON p.line_item_key = s.line_item_key AND p._row_hash = s._row_hash AND p.twin = s.twin
WHERE s.staging_row IS NULL OR p.line_item_occurrence IS NULL;

-- name: create planned
-- What is left of a key is paired in the order of its measures: both sides: changed; only published: removed; only
-- staged: added, to be numbered. Where a key has some to add, none of its published rows is removed.
CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
WITH ranked AS (
  SELECT *,
    row_number() OVER (
      PARTITION BY line_item_key, staging_row IS NULL
      ORDER BY {{measures_sorted}}, _row_hash, line_item_occurrence, staging_row
    ) AS place
  FROM pg_temp.unmatched
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
CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
SELECT
  ctid AS staging_row,
  line_item_key,
  CAST(row_number() OVER (
    PARTITION BY line_item_key ORDER BY {{measures_sorted}}, _row_hash, ctid
  ) AS integer) AS line_item_occurrence,
  CAST(NULL AS text) AS _first_load_id,
  'added' AS change
FROM pg_temp.staged;

-- name: read in blocks
-- Rows that were just appended, and of which nothing is known yet, are found by their key and read in the order of the
-- disk. Left to itself the planner reads the whole table, of whatever size, to see that a new scope has no row in it.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true);

-- name: read as planned
SELECT set_config(name, reset_val, true) FROM pg_settings WHERE name IN ('enable_seqscan', 'enable_indexscan');

-- name: any row of the scope
SELECT count(*) AS records FROM (SELECT 1 FROM {{target}} t WHERE {{in_scope}} LIMIT 1) found;

-- name: own keys
-- The primary key as the table was made with it.
SELECT count(*) AS records
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indimmediate
WHERE n.nspname = $1 AND c.relname = $2 AND $3 = (
  SELECT string_agg(a.attname, ',' ORDER BY k.place)
  FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
);

-- name: takes an append
-- COPY knows no rules and no row security, and a trigger would see numbers that are not the last. The types
-- must be ours. Columns that a user added get their defaults.
SELECT count(*) AS tables
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
  AND c.relkind = 'r' AND NOT c.relrowsecurity AND NOT c.relhasrules AND NOT c.relhastriggers
  AND CAST($3 AS boolean) IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM pg_attribute s
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname AND NOT a.attisdropped
    WHERE s.attrelid = CAST('pg_temp.staged' AS regclass) AND s.attnum > 0
      AND (a.attname IS NULL OR a.atttypid <> s.atttypid OR a.atttypmod <> s.atttypmod OR a.attgenerated <> '')
  );

-- name: at the key by invoice
t.invoice_number = c.invoice_number AND t.line_item_key = k.line_item_key

-- name: at the key by month
-- The currency as it is spelt is a part of the key's identity.
t.billing_month = c.billing_month AND t.{{currency}} = k.{{currency}} AND t.line_item_key = k.line_item_key

-- name: create planned of repeats
-- Records that were held back because their key might repeat, and the rows of these keys that stand. What stands is
-- looked up key by key: nothing is known yet of how many rows were appended.
CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
WITH held AS (
  SELECT ctid AS staging_row, line_item_key, {{currency}}, _row_hash, {{measures}} FROM pg_temp.staged
),
standing AS (
  SELECT CAST(NULL AS tid) AS staging_row, t.line_item_key, t.{{currency}}, t._row_hash, {{measures_t}}
  FROM (SELECT DISTINCT line_item_key, {{currency}} FROM held) k
  CROSS JOIN pg_temp.scope c
  CROSS JOIN LATERAL (SELECT t.* FROM {{target}} t WHERE {{at_key}} OFFSET 0) t
)
SELECT
  staging_row,
  line_item_key,
  {{currency}},
  CAST(row_number() OVER (
    PARTITION BY line_item_key ORDER BY {{measures_sorted}}, _row_hash, staging_row NULLS FIRST
  ) AS integer) AS line_item_occurrence,
  CASE WHEN staging_row IS NULL THEN 'renumbered' ELSE 'added' END AS change
FROM (SELECT * FROM held UNION ALL SELECT * FROM standing) r;

-- name: renumber repeats
UPDATE {{target}} t
SET line_item_occurrence = k.line_item_occurrence
FROM pg_temp.planned k, pg_temp.scope c
WHERE {{at_key}} AND t.line_item_occurrence = 1 AND k.change = 'renumbered' AND k.line_item_occurrence <> 1;

-- name: repeated keys of a first load
-- The primary key, which was seen to be there, refuses them.
SELECT 0 AS records;

-- name: number the added
-- The smallest numbers that no published row of the key has, in the order of the measures.
WITH added AS (
  SELECT staging_row, line_item_key,
    row_number() OVER (PARTITION BY line_item_key ORDER BY place) AS nth
  FROM pg_temp.planned
  WHERE change = 'added'
),
used AS (
  SELECT p.line_item_key, p.line_item_occurrence
  FROM pg_temp.published p
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
  CROSS JOIN LATERAL generate_series(1, a.upto) AS n (number)
  LEFT JOIN used u ON u.line_item_key = a.line_item_key AND u.line_item_occurrence = n.number
  WHERE u.line_item_key IS NULL
)
UPDATE pg_temp.planned p
SET line_item_occurrence = free.number
FROM added
JOIN free ON free.line_item_key = added.line_item_key AND free.nth = added.nth
WHERE p.staging_row = added.staging_row AND p.change = 'added';

-- name: analyze planned
ANALYZE pg_temp.planned;

-- name: count planned
SELECT change AS value, count(*) AS records FROM pg_temp.planned GROUP BY change;

-- name: keep history
INSERT INTO {{history}} ({{own_columns}}, _replaced_by_load_id, _change)
SELECT {{own_columns_t}}, $1, coalesce($2, p.change)
FROM {{target}} t
JOIN pg_temp.planned p
  ON p.line_item_key = t.line_item_key AND p.line_item_occurrence = t.line_item_occurrence
WHERE p.change IN ('changed', 'removed') AND {{in_scope}};

-- name: columns of target
SELECT column_name, is_generated
FROM information_schema.columns
WHERE table_schema = $1 AND table_name = $2
ORDER BY ordinal_position;

-- name: create carried
-- Columns that a user added keep their values in rows that change.
CREATE TEMPORARY TABLE carried ON COMMIT DROP AS
SELECT t.line_item_key, t.line_item_occurrence, {{carried_t}}
FROM {{target}} t
JOIN pg_temp.planned p
  ON p.line_item_key = t.line_item_key AND p.line_item_occurrence = t.line_item_occurrence
WHERE p.change = 'changed' AND {{in_scope}};

-- name: delete replaced
DELETE FROM {{target}} t
USING pg_temp.planned p
WHERE p.line_item_key = t.line_item_key AND p.line_item_occurrence = t.line_item_occurrence
  AND p.change IN ('changed', 'removed') AND {{in_scope}};

-- name: insert added
INSERT INTO {{target}} ({{columns}}, line_item_occurrence, _load_id, _first_load_id)
SELECT {{columns_s}}, p.line_item_occurrence, $1, $1
FROM (SELECT CAST($2 AS date) AS billing_month, s.ctid AS staging_row, s.* FROM pg_temp.staged s) s
JOIN pg_temp.planned p ON p.staging_row = s.staging_row
WHERE p.change = 'added';

-- name: insert changed
INSERT INTO {{target}} ({{columns}}, line_item_occurrence, _load_id, _first_load_id)
SELECT {{columns_s}}, p.line_item_occurrence, $1, p._first_load_id
FROM (SELECT CAST($2 AS date) AS billing_month, s.ctid AS staging_row, s.* FROM pg_temp.staged s) s
JOIN pg_temp.planned p ON p.staging_row = s.staging_row
WHERE p.change = 'changed';

-- name: insert changed with carried
INSERT INTO {{target}} ({{carried}}, {{columns}}, line_item_occurrence, _load_id, _first_load_id)
OVERRIDING SYSTEM VALUE
SELECT {{carried_c}}, {{columns_s}}, p.line_item_occurrence, $1, p._first_load_id
FROM (SELECT CAST($2 AS date) AS billing_month, s.ctid AS staging_row, s.* FROM pg_temp.staged s) s
JOIN pg_temp.planned p ON p.staging_row = s.staging_row
JOIN pg_temp.carried c
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
INSERT INTO {{dataset}}.unbilled_totals
  (load_id, stream, billing_month, currency, customer_id, subscription_id, product_id, records, amount)
SELECT $1, $2, CAST($3 AS date), $4, t.customer_id, t.subscription_id, t.product_id, count(*), sum(t.{{amount}})
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
  CAST($5 AS date), $6, $7, $8,
  $9, $10, $11,
  $12, $13, CAST($14 AS timestamp), CAST($15 AS json), $16,
  $17, $18, $19, $20,
  $21, $22, $23, $24, $25,
  CAST($26 AS json), CAST($27 AS json), CAST($28 AS json), CAST($29 AS json), $30, $31,
  $32, $33, $34, CAST($35 AS timestamp), CAST($36 AS timestamp)
);

-- name: keep blob
INSERT INTO {{dataset}}._blobs (
  load_id, blob_name, bytes, inflated_bytes, sha256,
  records_read, records_staged, records_rejected, numbers_rounded, unknown_fields
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CAST($10 AS json));

-- name: blobs of snapshot
SELECT * FROM {{dataset}}._blobs WHERE load_id = $1 ORDER BY blob_name;

-- name: keep scope
INSERT INTO {{dataset}}._scopes AS c
  (stream, scope, state, etag, load_id, first_asked_at, last_asked_at, last_checked_at, last_answer)
VALUES ($1, $2, 'published', $3, $4, CAST($5 AS timestamp), CAST($5 AS timestamp), CAST($5 AS timestamp), 'published')
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
DROP TABLE IF EXISTS pg_temp.carried;

-- name: drop planned
DROP TABLE IF EXISTS pg_temp.planned;

-- name: drop unmatched
DROP TABLE IF EXISTS pg_temp.unmatched;

-- name: drop published
DROP TABLE IF EXISTS pg_temp.published;

-- name: drop scope
DROP TABLE IF EXISTS pg_temp.scope;

-- name: drop staged
DROP TABLE IF EXISTS pg_temp.staged;
