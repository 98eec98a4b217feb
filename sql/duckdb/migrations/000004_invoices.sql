-- Invoices as Partner Center lists them, when each scope was first asked for and last answered, and what comparing an
-- invoice's usage with its lines found.

-- One row per document: an invoice, or one of its amendments (amends_of names what it amends). billing_month is the
-- month that it bills. _load_id is the reading of the list (_invoice_lists) that last changed the row.
CREATE TABLE {{dataset}}.invoices (
  invoice_number VARCHAR PRIMARY KEY,
  amends_of VARCHAR,
  document_type VARCHAR,
  invoice_type VARCHAR,
  status VARCHAR,
  invoice_date TIMESTAMP,
  billing_period_start TIMESTAMP,
  billing_period_end TIMESTAMP,
  total_charges DECIMAL(38, 22),
  paid_amount DECIMAL(38, 22),
  currency VARCHAR,
  currency_symbol VARCHAR,
  invoice_details VARCHAR,
  billing_month DATE,
  _row_hash UUID NOT NULL,
  _load_id VARCHAR NOT NULL,
  _first_load_id VARCHAR NOT NULL,
  _extra JSON
);

-- Documents that changed or are not listed any more, with the reading that replaced them.
CREATE TABLE {{dataset}}.invoices_history (
  invoice_number VARCHAR NOT NULL,
  amends_of VARCHAR,
  document_type VARCHAR,
  invoice_type VARCHAR,
  status VARCHAR,
  invoice_date TIMESTAMP,
  billing_period_start TIMESTAMP,
  billing_period_end TIMESTAMP,
  total_charges DECIMAL(38, 22),
  paid_amount DECIMAL(38, 22),
  currency VARCHAR,
  currency_symbol VARCHAR,
  invoice_details VARCHAR,
  billing_month DATE,
  _row_hash UUID NOT NULL,
  _load_id VARCHAR NOT NULL,
  _first_load_id VARCHAR NOT NULL,
  _extra JSON,
  _replaced_by_load_id VARCHAR NOT NULL,
  _change VARCHAR NOT NULL
);

-- One row per reading of the list: its documents, and what they changed in invoices.
CREATE TABLE {{dataset}}._invoice_lists (
  load_id VARCHAR PRIMARY KEY,
  run_id VARCHAR NOT NULL,
  read_at TIMESTAMP NOT NULL,
  since VARCHAR,
  documents BIGINT NOT NULL,
  documents_inserted BIGINT NOT NULL,
  documents_updated BIGINT NOT NULL,
  documents_deleted BIGINT NOT NULL,
  documents_unchanged BIGINT NOT NULL,
  correlation_id VARCHAR
);

-- first_asked_at: when the scope was first asked for. last_checked_at: when Graph last answered what it has, errors not
-- counted. allowed_empty_at: when a person said by name that it has no data.
ALTER TABLE {{dataset}}._scopes ADD COLUMN first_asked_at TIMESTAMP;

ALTER TABLE {{dataset}}._scopes ADD COLUMN last_checked_at TIMESTAMP;

ALTER TABLE {{dataset}}._scopes ADD COLUMN allowed_empty_at TIMESTAMP;

UPDATE {{dataset}}._scopes SET
  last_checked_at = last_asked_at,
  first_asked_at = coalesce(
    (SELECT min(s.recorded_at) FROM {{dataset}}._snapshots s WHERE s.stream = _scopes.stream AND s.scope = _scopes.scope),
    last_asked_at
  );

-- Per invoice: whether its usage and its lines agree, compared by subscription, product, SKU and availability whenever
-- one of the two is published. usage_lines counts the lines that charge usage. Null: not to be told from what is loaded.
CREATE TABLE {{dataset}}._agreements (
  invoice_number VARCHAR PRIMARY KEY,
  compared_at TIMESTAMP NOT NULL,
  agrees BOOLEAN,
  groups_compared BIGINT,
  groups_differing BIGINT,
  usage_lines BIGINT
);

-- The views that were applied, with the digest of each one's text.
CREATE TABLE {{dataset}}._views (
  name VARCHAR PRIMARY KEY,
  checksum VARCHAR NOT NULL,
  applied_at TIMESTAMP NOT NULL
);
