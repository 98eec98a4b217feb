-- What Microsoft restated of one invoice; connector/load/restated-lines.ts runs these, read-only.

-- name: snapshots
-- reloaded: it was not Microsoft who changed the rows. purged: what changed after it is not wholly known any more.
SELECT
  s.load_id, s.etag, s.attribute_set, s.published_at,
  (
    SELECT count(*) FROM {{history}} h WHERE h._replaced_by_load_id = s.load_id AND h._change = 'reloaded'
  ) + CASE WHEN (s.proof ->> 'reload') = 'true' THEN 1 ELSE 0 END AS reloaded,
  (
    SELECT count(*)
    FROM {{dataset}}._retention r
    WHERE r.stream = s.stream AND r.scope = s.scope
      AND (r.purged_until, r.purged_load_id) > (s.published_at, s.load_id)
  ) AS purged
FROM {{dataset}}._snapshots s
WHERE s.outcome = 'published' AND s.stream = $1 AND s.scope = $2
ORDER BY s.published_at, s.load_id;

-- name: lines
-- Each line as it was before the first of the loads that changed it and after the last one; a line that is the same
-- again, or came and went, is left out.
WITH steps AS (
  SELECT
    c.line_item_key, c.line_item_occurrence, c.change, c.to_load_id, c.invoice_number,
    row_number() OVER (
      PARTITION BY c.line_item_key, c.line_item_occurrence ORDER BY c.to_published_at, c.to_load_id
    ) AS nth,
    count(*) OVER (PARTITION BY c.line_item_key, c.line_item_occurrence) AS steps
  FROM {{dataset}}.recon_snapshot_changes c
  WHERE c.stream = $1 AND c.scope = $2 AND list_contains(string_split($3, ','), c.to_load_id)
),
net AS (
  SELECT
    f.line_item_key, f.line_item_occurrence, f.change AS first_change, f.to_load_id AS first_load_id,
    l.change AS last_change, l.to_load_id AS last_load_id, l.invoice_number
  FROM steps f
  JOIN steps l
    ON l.line_item_key = f.line_item_key AND l.line_item_occurrence = f.line_item_occurrence AND l.nth = l.steps
  WHERE f.nth = 1
),
versions AS (
  SELECT {{row}} FROM {{target}} t
  UNION ALL
  SELECT {{row}} FROM {{history}} t
)
SELECT
  CASE WHEN b._load_id IS NULL THEN 'added' WHEN a._load_id IS NULL THEN 'removed' ELSE 'changed' END AS change,
  n.line_item_key,
  n.line_item_occurrence,
  {{before}},
  {{after}}
FROM net n
LEFT JOIN {{history}} b
  ON n.first_change <> 'added' AND b._replaced_by_load_id = n.first_load_id
  AND b.line_item_key = n.line_item_key AND b.line_item_occurrence = n.line_item_occurrence
LEFT JOIN versions a
  ON n.last_change <> 'removed' AND a._load_id = n.last_load_id AND a.invoice_number = n.invoice_number
  AND a.line_item_key = n.line_item_key AND a.line_item_occurrence = n.line_item_occurrence
WHERE b._row_hash IS DISTINCT FROM a._row_hash
ORDER BY coalesce(a.customer_id, b.customer_id), n.line_item_key, n.line_item_occurrence;
