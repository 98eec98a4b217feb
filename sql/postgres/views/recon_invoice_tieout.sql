-- Do the lines add up to the invoice? Three measures, each a row per invoice and currency:
--   total    left: total_charges of the invoice list, with the documents that amend the invoice (credit notes, void notes)
--            added; right: sum of total of the lines of all of these, and the amount of each note that has no lines of
--            its own. Nobody documents whether a header has its notes in it already: where only the header alone equals
--            the right side, it is taken for one that has (basis tells). A void document counts as listed: what cancels it
--            is its void note.
--   pre_tax  left: what a person stated last of the invoice (invoice_statements, from its PDF); right: sum of subtotal
--   tax      left: the same; right: sum of tax_total
-- basis: header (nothing amends it), header and notes, header with notes in it, stated. rows_left: documents, or 1.
--   matched, within_tolerance  apart by no more than recon_tolerance() allows for an invoice
--   partial                    further apart, and records of the lines were rejected
--   mismatch                   further apart
--   left_only, right_only      lines and header are in different currencies
--   not_checked                lines or header are not known; or the lines carry no tax and the header is further from
--                              zero than they are: tax, or an error, which the header cannot tell. What is left over is
--                              never called tax: partner-billing invoices set states both, and pre_tax is then compared
-- Source: domain.md section C3, 1, section C2 (tax; invoice amount); api-contract.md sections 8.5 and 11.2. Columns are
-- only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_invoice_tieout AS
WITH lines AS NOT MATERIALIZED (
  SELECT
    t.invoice_number, upper(t.currency) AS currency, count(*) AS lines, sum(t.total) AS total,
    sum(t.subtotal) AS subtotal, sum(t.tax_total) AS tax,
    count(*) FILTER (WHERE t.total IS NULL) AS without_total,
    count(*) FILTER (WHERE t.tax_total IS NULL) AS without_tax,
    count(*) FILTER (WHERE t.tax_total <> 0) AS taxed
  FROM {{dataset}}.billed_reconciliation t
  GROUP BY t.invoice_number, upper(t.currency)
),
listed AS NOT MATERIALIZED (
  SELECT
    d.invoice_number, true AS is_listed, d.status, upper(d.currency) AS currency, d.total_charges, d.billing_month,
    d._load_id AS list_load_id,
    coalesce(g.invoice_number, p.invoice_number, d.invoice_number) AS root
  FROM {{dataset}}.invoices d
  LEFT JOIN {{dataset}}.invoices p ON p.invoice_number = d.amends_of
  LEFT JOIN {{dataset}}.invoices g ON g.invoice_number = p.amends_of
),
documents AS NOT MATERIALIZED (
  SELECT d.*, s.load_id AS lines_load_id, s.records_rejected, coalesce(i.billing_month, s.billing_month) AS month
  FROM (
    SELECT * FROM listed WHERE root LIKE 'G%'
    UNION ALL
    SELECT c.scope, false, NULL, NULL, CAST(NULL AS numeric), CAST(NULL AS date), NULL, c.scope
    FROM {{dataset}}._scopes c
    WHERE c.stream = 'billed_reconciliation'
      AND NOT EXISTS (SELECT 1 FROM {{dataset}}.invoices i WHERE i.invoice_number = c.scope)
  ) d
  LEFT JOIN {{dataset}}.invoices i ON i.invoice_number = d.root
  LEFT JOIN {{dataset}}._scopes c ON c.stream = 'billed_reconciliation' AND c.scope = d.invoice_number
  LEFT JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
),
items AS NOT MATERIALIZED (
  SELECT
    d.root, d.invoice_number, d.currency, 1 AS documents, d.total_charges,
    CASE WHEN d.invoice_number <> d.root THEN 1 ELSE 0 END AS notes,
    CASE WHEN d.is_listed AND d.total_charges IS NULL THEN 1 ELSE 0 END AS without_charges,
    d.invoice_number <> d.root
      AND NOT EXISTS (SELECT 1 FROM lines l WHERE l.invoice_number = d.invoice_number) AS is_bare_note,
    CAST(0 AS bigint) AS lines, CAST(NULL AS numeric) AS total, CAST(0 AS bigint) AS without_total,
    CAST(0 AS bigint) AS taxed
  FROM documents d
  WHERE d.is_listed OR NOT EXISTS (SELECT 1 FROM lines l WHERE l.invoice_number = d.invoice_number)
  UNION ALL
  SELECT d.root, d.invoice_number, l.currency, 0, NULL, 0, 0, false, l.lines, l.total, l.without_total, l.taxed
  FROM documents d
  JOIN lines l ON l.invoice_number = d.invoice_number
),
families AS NOT MATERIALIZED (
  SELECT
    d.root,
    max(CASE WHEN d.invoice_number = d.root THEN d.currency END) AS listed_currency,
    max(CASE WHEN d.invoice_number = d.root THEN d.status END) AS document_status,
    max(CASE WHEN d.invoice_number = d.root THEN d.list_load_id END) AS list_load_id,
    max(CASE WHEN d.invoice_number = d.root THEN d.lines_load_id END) AS root_lines_load_id,
    string_agg(d.lines_load_id, ',' ORDER BY d.invoice_number COLLATE "C") AS lines_load_ids,
    coalesce(sum(d.records_rejected), 0) AS rejected,
    max(d.month) AS billing_month,
    coalesce(max(CASE WHEN d.invoice_number = d.root AND d.is_listed THEN 1 END), 0) = 1 AS is_listed
  FROM documents d
  GROUP BY d.root
),
totals AS NOT MATERIALIZED (
  SELECT
    i.root, i.currency,
    sum(CASE WHEN i.invoice_number = i.root THEN i.total_charges END) AS header,
    sum(i.total_charges) AS headers,
    sum(CASE WHEN i.notes = 1 THEN i.total_charges END) AS notes_amount,
    sum(i.notes) AS notes,
    sum(i.without_charges) AS without_charges,
    CAST(sum(i.documents) AS bigint) AS rows_left,
    CAST(sum(i.lines) AS bigint) AS rows_right,
    CASE WHEN sum(i.lines) > 0
      THEN coalesce(sum(i.total), 0) + coalesce(sum(CASE WHEN i.is_bare_note THEN i.total_charges END), 0)
    END AS right_amount,
    sum(i.without_total) AS without_total,
    sum(i.taxed) AS taxed,
    sum(sum(i.lines)) OVER (PARTITION BY i.root) AS lines_in_all
  FROM items i
  GROUP BY i.root, i.currency
),
compared AS NOT MATERIALIZED (
  SELECT
    t.*, f.listed_currency, f.document_status, f.list_load_id, f.root_lines_load_id, f.lines_load_ids, f.rejected,
    f.billing_month, f.is_listed,
    CASE WHEN t.header IS NOT NULL OR t.notes > 0 THEN t.right_amount - t.headers END AS apart,
    CASE WHEN t.notes > 0 THEN t.right_amount - t.header END AS apart_from_header,
    {{dataset}}.recon_tolerance('invoice_tieout', t.currency, 1) AS tolerance
  FROM totals t
  JOIN families f ON f.root = t.root
),
chosen AS NOT MATERIALIZED (
  SELECT
    c.*,
    coalesce(abs(c.apart) > c.tolerance AND abs(c.apart_from_header) <= c.tolerance, false) AS has_notes_in_it,
    EXISTS (SELECT 1 FROM {{dataset}}.invoice_statements s WHERE s.invoice_number = c.root) AS is_stated
  FROM compared c
),
reasoned AS NOT MATERIALIZED (
  SELECT
    c.*,
    CASE WHEN c.has_notes_in_it THEN c.header ELSE c.headers END AS left_amount,
    CASE WHEN c.has_notes_in_it THEN c.apart_from_header ELSE c.apart END AS difference,
    CASE
      WHEN NOT c.is_listed THEN 'the invoice is not in the invoice list as it was read, so its total is not known'
      WHEN c.root_lines_load_id IS NULL AND c.document_status LIKE 'void%'
        THEN 'the invoice was declared void, and no lines of it are loaded'
      WHEN c.root_lines_load_id IS NULL THEN 'the lines of the invoice are not loaded'
      WHEN c.lines_in_all = 0 THEN 'the lines of the invoice are loaded, and there are none'
      WHEN c.listed_currency IS NULL THEN 'the invoice list does not say the currency of the invoice'
      WHEN c.without_charges > 0 THEN 'the invoice list does not say the total of a document'
      WHEN c.without_total > 0 THEN 'some lines do not say their total'
      WHEN c.tolerance IS NULL THEN 'the smallest unit of the currency is not known'
      WHEN c.rows_left = 0 OR c.rows_right = 0 THEN NULL
      WHEN abs(CASE WHEN c.has_notes_in_it THEN c.apart_from_header ELSE c.apart END) <= c.tolerance THEN NULL
      WHEN c.rejected > 0 THEN NULL
      WHEN c.taxed = 0 AND (c.apart < 0) = (c.right_amount >= 0) AND c.is_stated
        THEN 'the lines carry no tax, and the header does not tell pre-tax from tax: see pre_tax, as a person stated it'
      WHEN c.taxed = 0 AND (c.apart < 0) = (c.right_amount >= 0)
        THEN 'the lines carry no tax, and the header does not tell pre-tax from tax: state both with partner-billing invoices set'
    END AS not_checked
  FROM chosen c
),
statements AS NOT MATERIALIZED (
  SELECT s.invoice_number, upper(s.currency) AS currency, s.pre_tax, s.tax, s.stated_by, s.stated_at
  FROM {{dataset}}.invoice_statements s
  WHERE NOT EXISTS (
    SELECT 1 FROM {{dataset}}.invoice_statements n
    WHERE n.invoice_number = s.invoice_number AND (n.stated_at, n.statement_id COLLATE "C") > (s.stated_at, s.statement_id COLLATE "C")
  )
),
stated AS NOT MATERIALIZED (
  SELECT
    s.invoice_number, s.currency, m.measure, s.stated_by, s.stated_at,
    CASE m.measure WHEN 'tax' THEN s.tax ELSE s.pre_tax END AS left_amount,
    CASE m.measure WHEN 'tax' THEN l.tax ELSE l.subtotal END AS right_amount,
    coalesce(l.lines, 0) AS rows_right,
    p.load_id, p.records_rejected AS rejected,
    coalesce(i.billing_month, p.billing_month) AS billing_month, i.status AS document_status,
    {{dataset}}.recon_tolerance('invoice_tieout', s.currency, 1) AS tolerance,
    CASE
      WHEN p.load_id IS NULL THEN 'the lines of the invoice are not loaded'
      WHEN l.lines IS NULL THEN 'no line of the invoice is in the currency that was stated'
      WHEN {{dataset}}.money_unit(s.currency) IS NULL THEN 'the smallest unit of the currency is not known'
      WHEN m.measure = 'tax' AND l.taxed = 0 AND s.tax <> 0
        THEN 'the lines carry no tax, so there is nothing to hold the tax against'
      WHEN m.measure = 'tax' AND l.without_tax > 0 THEN 'some lines do not say their tax'
    END AS not_checked
  FROM statements s
  CROSS JOIN (SELECT 'pre_tax' AS measure UNION ALL SELECT 'tax') m
  LEFT JOIN lines l ON l.invoice_number = s.invoice_number AND l.currency = s.currency
  LEFT JOIN {{dataset}}.invoices i ON i.invoice_number = s.invoice_number
  LEFT JOIN {{dataset}}._scopes c ON c.stream = 'billed_reconciliation' AND c.scope = s.invoice_number
  LEFT JOIN {{dataset}}._snapshots p ON p.load_id = c.load_id
)
SELECT
  r.root AS invoice_number, r.currency, 'total' AS measure,
  CASE
    WHEN r.not_checked IS NOT NULL THEN 'not_checked'
    WHEN r.rows_left = 0 THEN 'right_only'
    WHEN r.rows_right = 0 THEN 'left_only'
    WHEN r.difference = 0 THEN 'matched'
    WHEN abs(r.difference) <= r.tolerance THEN 'within_tolerance'
    WHEN r.rejected > 0 THEN 'partial'
    ELSE 'mismatch'
  END AS status,
  r.left_amount, r.right_amount, r.difference, r.tolerance, r.rows_left, r.rows_right,
  CASE
    WHEN r.not_checked IS NOT NULL THEN r.not_checked
    WHEN r.rows_left = 0 THEN 'lines are in a currency that no document of the invoice is in'
    WHEN r.rows_right = 0 THEN 'no line is in the currency of the document'
    WHEN r.difference = 0 THEN NULL
    WHEN abs(r.difference) <= r.tolerance THEN 'apart by no more than is allowed for an invoice'
    WHEN r.rejected > 0 THEN 'records of the lines were rejected, so the lines are not whole'
    ELSE 'the lines do not add up to the invoice'
  END AS reason,
  nullif(concat_ws(',', r.list_load_id, r.lines_load_ids), '') AS snapshot_ids,
  r.billing_month, r.document_status,
  CASE
    WHEN r.has_notes_in_it THEN 'header with notes in it'
    WHEN r.notes > 0 THEN 'header and notes'
    ELSE 'header'
  END AS basis,
  r.notes_amount,
  CAST(NULL AS text) AS stated_by,
  CAST(NULL AS timestamp) AS stated_at
FROM reasoned r
UNION ALL
SELECT
  s.invoice_number, s.currency, s.measure,
  CASE
    WHEN s.not_checked IS NOT NULL THEN 'not_checked'
    WHEN s.left_amount = s.right_amount THEN 'matched'
    WHEN abs(s.right_amount - s.left_amount) <= s.tolerance THEN 'within_tolerance'
    WHEN s.rejected > 0 THEN 'partial'
    ELSE 'mismatch'
  END,
  s.left_amount, s.right_amount, s.right_amount - s.left_amount, s.tolerance, 1, s.rows_right,
  CASE
    WHEN s.not_checked IS NOT NULL THEN s.not_checked
    WHEN s.left_amount = s.right_amount THEN NULL
    WHEN abs(s.right_amount - s.left_amount) <= s.tolerance THEN 'apart by no more than is allowed for an invoice'
    WHEN s.rejected > 0 THEN 'records of the lines were rejected, so the lines are not whole'
    ELSE 'the lines do not add up to what a person stated of the invoice'
  END,
  s.load_id, s.billing_month, s.document_status, 'stated', NULL, s.stated_by, s.stated_at
FROM stated s;
