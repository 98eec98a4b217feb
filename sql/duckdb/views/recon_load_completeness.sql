-- What is loaded, and is it proven? One row per snapshot that was ever published (is_current: the one that readers see),
-- and one per scope that was asked for and has none. rows_left: records that were read. rows_right: records that became
-- rows. What was checked when it was published is in proof_status; that the tables still hold it is what
-- partner-billing verify tells. No amounts are compared: left_amount, right_amount, difference and tolerance are null.
--   matched      proven: every blob came whole, every record became a row, and blobs and snapshot count the same
--   partial      records were rejected (within the limit); or a newer answer was refused, so this is not the newest
--   mismatch     what is recorded of the snapshot does not add up: records read, staged and rejected, or its blobs
--   not_checked  published before proofs were kept; without any record; or nothing of the scope is published
-- within_tolerance, left_only and right_only do not occur: records are whole or not.
-- days_old counts whole days from when Microsoft made the data to the newest thing that is recorded in the dataset: the
-- last answer or publish.
-- Source: domain.md section C3, 21; docs/proof.md. Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_load_completeness AS
WITH blobs AS (
  SELECT
    b.load_id, count(*) AS blobs, CAST(sum(b.bytes) AS BIGINT) AS bytes,
    CAST(sum(b.inflated_bytes) AS BIGINT) AS inflated_bytes,
    sum(b.records_read) AS records_read, sum(b.records_staged) AS records_staged,
    sum(b.records_rejected) AS records_rejected
  FROM {{dataset}}._blobs b
  GROUP BY b.load_id
),
loads AS (
  SELECT
    s.stream, s.scope, s.load_id, s.etag, s.attribute_set, s.records_read, s.records_staged, s.records_rejected,
    s.numbers_rounded, s.published_at, s.proof_sha256, s.billing_month,
    coalesce(s.manifest_created_at, s.published_at) AS data_made_at,
    coalesce(c.load_id = s.load_id, false) AS is_current,
    c.state AS scope_state, c.last_answer, c.last_checked_at,
    b.blobs, b.bytes, b.inflated_bytes,
    s.records_read = s.records_staged + s.records_rejected AND s.blobs = coalesce(b.blobs, 0)
      AND s.records_read = coalesce(b.records_read, 0) AND s.records_staged = coalesce(b.records_staged, 0)
      AND s.records_rejected = coalesce(b.records_rejected, 0) AS adds_up
  FROM {{dataset}}._snapshots s
  LEFT JOIN {{dataset}}._scopes c ON c.stream = s.stream AND c.scope = s.scope
  LEFT JOIN blobs b ON b.load_id = s.load_id
  WHERE s.outcome = 'published'
  UNION ALL
  SELECT
    c.stream, c.scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false,
    c.state, c.last_answer, c.last_checked_at, NULL, NULL, NULL, NULL
  FROM {{dataset}}._scopes c
  WHERE c.load_id IS NULL
),
checked AS (
  SELECT
    l.*,
    CASE WHEN l.stream LIKE 'billed%' THEN l.scope END AS invoice_number,
    CASE WHEN l.stream LIKE 'billed%' THEN upper(i.currency) ELSE substr(l.scope, 9) END AS currency,
    coalesce(
      i.billing_month, l.billing_month,
      CASE WHEN l.stream NOT LIKE 'billed%' THEN CAST(substr(l.scope, 1, 7) || '-01' AS DATE) END
    ) AS month,
    CASE
      WHEN l.load_id IS NULL THEN 'not published'
      WHEN NOT coalesce(l.adds_up, false) THEN 'does not add up'
      WHEN l.proof_sha256 IS NULL THEN 'no proof kept'
      ELSE 'proven'
    END AS proof_status,
    date_sub('day', l.data_made_at, n.newest_at) AS days_old
  FROM loads l
  LEFT JOIN {{dataset}}.invoices i ON i.invoice_number = l.scope
  CROSS JOIN (
    SELECT max(t.at) AS newest_at
    FROM (
      SELECT s.published_at AS at FROM {{dataset}}._snapshots s
      UNION ALL
      SELECT c.last_asked_at FROM {{dataset}}._scopes c
    ) t
  ) n
)
SELECT
  invoice_number, currency, stream, scope,
  CASE
    WHEN proof_status = 'not published' THEN 'not_checked'
    WHEN proof_status = 'does not add up' THEN 'mismatch'
    WHEN records_rejected > 0 THEN 'partial'
    WHEN is_current AND scope_state = 'refused' THEN 'partial'
    WHEN proof_status = 'no proof kept' OR records_read = 0 THEN 'not_checked'
    ELSE 'matched'
  END AS status,
  CAST(NULL AS DECIMAL(38, 22)) AS left_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS right_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS difference,
  CAST(NULL AS DECIMAL(38, 22)) AS tolerance,
  coalesce(records_read, 0) AS rows_left,
  coalesce(records_staged, 0) AS rows_right,
  CASE
    WHEN proof_status = 'not published' AND scope_state = 'no data' THEN 'Graph has no data of it'
    WHEN proof_status = 'not published' AND scope_state = 'refused' THEN 'what came was refused, and nothing is published'
    WHEN proof_status = 'not published' THEN 'it was asked for, and nothing is published yet'
    WHEN proof_status = 'does not add up' THEN 'the records of the snapshot and of its blobs do not add up'
    WHEN records_rejected > 0 THEN 'records were rejected: partner-billing rejected shows them'
    WHEN is_current AND scope_state = 'refused' THEN 'a newer answer was refused, so this is not the newest'
    WHEN proof_status = 'no proof kept' THEN 'it was published before proofs were kept'
    WHEN records_read = 0 THEN 'it has no records, so there is nothing to prove'
  END AS reason,
  load_id AS snapshot_ids,
  month AS billing_month, is_current, scope_state, last_answer, attribute_set, etag, blobs, bytes, inflated_bytes,
  records_read, records_staged, records_rejected, numbers_rounded, data_made_at, published_at, last_checked_at, days_old,
  proof_status, proof_sha256
FROM checked;
