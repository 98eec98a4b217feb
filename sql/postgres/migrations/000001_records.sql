-- What is recorded beside the data. Instants are UTC, without a zone. No table holds a SAS, a token or a secret.

-- Which migrations this dataset has.
CREATE TABLE {{dataset}}._migrations (
  number integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamp NOT NULL,
  connector_version text NOT NULL
);

-- The partner tenant that the dataset belongs to: one row, written by the first publish.
CREATE TABLE {{dataset}}._dataset (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  tenant_id text NOT NULL,
  bound_at timestamp NOT NULL
);

-- How each scope stands. load_id is the published snapshot, whatever the last answer was.
CREATE TABLE {{dataset}}._scopes (
  stream text NOT NULL,
  scope text NOT NULL,
  state text NOT NULL CHECK (state IN ('published', 'pending', 'no data', 'refused', 'superseded')),
  etag text,
  load_id text,
  last_asked_at timestamp,
  last_answer text,
  next_check_at timestamp,
  PRIMARY KEY (stream, scope)
);

-- One row per invocation of the connector.
CREATE TABLE {{dataset}}._runs (
  run_id text PRIMARY KEY,
  started_at timestamp NOT NULL,
  finished_at timestamp,
  connector_version text NOT NULL,
  outcome text NOT NULL,
  exit_code integer,
  counts json NOT NULL
);

-- One row per published or refused snapshot. Counts, sums and proof of a refused one are null.
CREATE TABLE {{dataset}}._snapshots (
  load_id text PRIMARY KEY,
  run_id text NOT NULL,
  stream text NOT NULL,
  scope text NOT NULL,
  billing_month date,
  billing_month_from text,
  etag text NOT NULL,
  attribute_set text NOT NULL,
  table_version integer NOT NULL,
  connector_version text NOT NULL,
  tenant_id text NOT NULL,
  operation_id text,
  manifest_id text NOT NULL,
  manifest_created_at timestamp,
  request_ids json NOT NULL,
  root_directory text NOT NULL,
  blobs integer,
  records_read bigint,
  records_staged bigint,
  records_rejected bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_deleted bigint,
  rows_unchanged bigint,
  numbers_rounded bigint,
  invoice_numbers json,
  unknown_fields json,
  sums json,
  proof json,
  outcome text NOT NULL CHECK (outcome IN ('published', 'refused')),
  outcome_kind text,
  outcome_reason text,
  recorded_at timestamp NOT NULL,
  published_at timestamp
);

-- The blobs of each published snapshot.
CREATE TABLE {{dataset}}._blobs (
  load_id text NOT NULL,
  blob_name text NOT NULL,
  bytes bigint NOT NULL,
  inflated_bytes bigint NOT NULL,
  sha256 text NOT NULL,
  records_read bigint NOT NULL,
  records_staged bigint NOT NULL,
  records_rejected bigint NOT NULL,
  numbers_rounded bigint NOT NULL,
  unknown_fields json NOT NULL,
  PRIMARY KEY (load_id, blob_name)
);

-- Records of published snapshots that failed validation, within the limit, for a person to look at.
CREATE TABLE {{dataset}}._rejected_records (
  load_id text NOT NULL,
  stream text NOT NULL,
  scope text NOT NULL,
  blob_name text NOT NULL,
  line_number bigint NOT NULL,
  field text,
  reason text NOT NULL,
  line text NOT NULL,
  line_bytes bigint NOT NULL,
  line_sha256 text NOT NULL
);

-- Sums of every unbilled snapshot by customer, subscription and product: estimates move daily, their rows are not kept.
CREATE TABLE {{dataset}}.unbilled_totals (
  load_id text NOT NULL,
  stream text NOT NULL,
  billing_month date NOT NULL,
  currency text NOT NULL,
  customer_id text,
  subscription_id text,
  product_id text,
  records bigint NOT NULL,
  amount numeric
);
