-- Invoices as Partner Center lists them, when each scope was first asked for and last answered, and what comparing an
-- invoice's usage with its lines found.

-- One row per document: an invoice, or one of its amendments (amends_of names what it amends). billing_month is the
-- month that it bills. _load_id is the reading of the list (_invoice_lists) that last changed the row.
CREATE TABLE {{dataset}}.invoices (
  invoice_number text PRIMARY KEY,
  amends_of text,
  document_type text,
  invoice_type text,
  status text,
  invoice_date timestamp,
  billing_period_start timestamp,
  billing_period_end timestamp,
  total_charges numeric,
  paid_amount numeric,
  currency text,
  currency_symbol text,
  invoice_details text,
  billing_month date,
  _row_hash uuid NOT NULL,
  _load_id text NOT NULL,
  _first_load_id text NOT NULL,
  _extra json
);

-- Documents that changed or are not listed any more, with the reading that replaced them.
CREATE TABLE {{dataset}}.invoices_history (
  invoice_number text NOT NULL,
  amends_of text,
  document_type text,
  invoice_type text,
  status text,
  invoice_date timestamp,
  billing_period_start timestamp,
  billing_period_end timestamp,
  total_charges numeric,
  paid_amount numeric,
  currency text,
  currency_symbol text,
  invoice_details text,
  billing_month date,
  _row_hash uuid NOT NULL,
  _load_id text NOT NULL,
  _first_load_id text NOT NULL,
  _extra json,
  _replaced_by_load_id text NOT NULL,
  _change text NOT NULL
);

-- One row per reading of the list: its documents, and what they changed in invoices.
CREATE TABLE {{dataset}}._invoice_lists (
  load_id text PRIMARY KEY,
  run_id text NOT NULL,
  read_at timestamp NOT NULL,
  since text,
  documents bigint NOT NULL,
  documents_inserted bigint NOT NULL,
  documents_updated bigint NOT NULL,
  documents_deleted bigint NOT NULL,
  documents_unchanged bigint NOT NULL,
  correlation_id text
);

-- first_asked_at: when the scope was first asked for. last_checked_at: when Graph last answered what it has, errors not
-- counted. allowed_empty_at: when a person said by name that it has no data.
ALTER TABLE {{dataset}}._scopes ADD COLUMN first_asked_at timestamp;

ALTER TABLE {{dataset}}._scopes ADD COLUMN last_checked_at timestamp;

ALTER TABLE {{dataset}}._scopes ADD COLUMN allowed_empty_at timestamp;

UPDATE {{dataset}}._scopes SET
  last_checked_at = last_asked_at,
  first_asked_at = coalesce(
    (SELECT min(s.recorded_at) FROM {{dataset}}._snapshots s WHERE s.stream = _scopes.stream AND s.scope = _scopes.scope),
    last_asked_at
  );

-- Per invoice: whether its usage and its lines agree, compared by subscription, product, SKU and availability whenever
-- one of the two is published. usage_lines counts the lines that charge usage. Null: not to be told from what is loaded.
CREATE TABLE {{dataset}}._agreements (
  invoice_number text PRIMARY KEY,
  compared_at timestamp NOT NULL,
  agrees boolean,
  groups_compared bigint,
  groups_differing bigint,
  usage_lines bigint
);

-- The views that were applied, with the digest of each one's text.
CREATE TABLE {{dataset}}._views (
  name text PRIMARY KEY,
  checksum text NOT NULL,
  applied_at timestamp NOT NULL
);
