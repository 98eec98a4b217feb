-- What is recorded beside the data. Instants are UTC, without a zone. No table holds a SAS, a token or a secret.

-- Which migrations this dataset has.
CREATE TABLE {{dataset}}._migrations (
  number INTEGER PRIMARY KEY,
  name VARCHAR NOT NULL,
  checksum VARCHAR NOT NULL,
  applied_at TIMESTAMP NOT NULL,
  connector_version VARCHAR NOT NULL
);

-- The partner tenant that the dataset belongs to: one row, written by the first publish.
CREATE TABLE {{dataset}}._dataset (
  only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row),
  tenant_id VARCHAR NOT NULL,
  bound_at TIMESTAMP NOT NULL
);

-- How each scope stands. load_id is the published snapshot, whatever the last answer was.
CREATE TABLE {{dataset}}._scopes (
  stream VARCHAR NOT NULL,
  scope VARCHAR NOT NULL,
  state VARCHAR NOT NULL CHECK (state IN ('published', 'pending', 'no data', 'refused', 'superseded')),
  etag VARCHAR,
  load_id VARCHAR,
  last_asked_at TIMESTAMP,
  last_answer VARCHAR,
  next_check_at TIMESTAMP,
  PRIMARY KEY (stream, scope)
);

-- One row per invocation of the connector.
CREATE TABLE {{dataset}}._runs (
  run_id VARCHAR PRIMARY KEY,
  started_at TIMESTAMP NOT NULL,
  finished_at TIMESTAMP,
  connector_version VARCHAR NOT NULL,
  outcome VARCHAR NOT NULL,
  exit_code INTEGER,
  counts JSON NOT NULL
);

-- One row per published or refused snapshot. Counts, sums and proof of a refused one are null.
CREATE TABLE {{dataset}}._snapshots (
  load_id VARCHAR PRIMARY KEY,
  run_id VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  scope VARCHAR NOT NULL,
  billing_month DATE,
  billing_month_from VARCHAR,
  etag VARCHAR NOT NULL,
  attribute_set VARCHAR NOT NULL,
  table_version INTEGER NOT NULL,
  connector_version VARCHAR NOT NULL,
  tenant_id VARCHAR NOT NULL,
  operation_id VARCHAR,
  manifest_id VARCHAR NOT NULL,
  manifest_created_at TIMESTAMP,
  request_ids JSON NOT NULL,
  root_directory VARCHAR NOT NULL,
  blobs INTEGER,
  records_read BIGINT,
  records_staged BIGINT,
  records_rejected BIGINT,
  rows_inserted BIGINT,
  rows_updated BIGINT,
  rows_deleted BIGINT,
  rows_unchanged BIGINT,
  numbers_rounded BIGINT,
  invoice_numbers JSON,
  unknown_fields JSON,
  sums JSON,
  proof JSON,
  outcome VARCHAR NOT NULL CHECK (outcome IN ('published', 'refused')),
  outcome_kind VARCHAR,
  outcome_reason VARCHAR,
  recorded_at TIMESTAMP NOT NULL,
  published_at TIMESTAMP
);

-- The blobs of each published snapshot.
CREATE TABLE {{dataset}}._blobs (
  load_id VARCHAR NOT NULL,
  blob_name VARCHAR NOT NULL,
  bytes BIGINT NOT NULL,
  inflated_bytes BIGINT NOT NULL,
  sha256 VARCHAR NOT NULL,
  records_read BIGINT NOT NULL,
  records_staged BIGINT NOT NULL,
  records_rejected BIGINT NOT NULL,
  numbers_rounded BIGINT NOT NULL,
  unknown_fields JSON NOT NULL,
  PRIMARY KEY (load_id, blob_name)
);

-- Records of published snapshots that failed validation, within the limit, for a person to look at.
CREATE TABLE {{dataset}}._rejected_records (
  load_id VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  scope VARCHAR NOT NULL,
  blob_name VARCHAR NOT NULL,
  line_number BIGINT NOT NULL,
  field VARCHAR,
  reason VARCHAR NOT NULL,
  line VARCHAR NOT NULL,
  line_bytes BIGINT NOT NULL,
  line_sha256 VARCHAR NOT NULL
);

-- Sums of every unbilled snapshot by customer, subscription and product: estimates move daily, their rows are not kept.
CREATE TABLE {{dataset}}.unbilled_totals (
  load_id VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  billing_month DATE NOT NULL,
  currency VARCHAR NOT NULL,
  customer_id VARCHAR,
  subscription_id VARCHAR,
  product_id VARCHAR,
  records BIGINT NOT NULL,
  amount DECIMAL(38, 22)
);
