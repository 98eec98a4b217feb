-- What checks of invoices go by, and what people said of invoices.

-- Tolerances that the configuration names (tolerance:), written anew by each run. currency is an ISO code, or the word
-- default for all that are not named. per_unit is allowed for each unit compared, at_most for one result in all; null:
-- not configured. Views read them by recon_tolerance().
CREATE TABLE {{dataset}}._tolerances (
  check_name text NOT NULL,
  currency text NOT NULL,
  per_unit numeric CHECK (per_unit >= 0),
  at_most numeric CHECK (at_most >= 0),
  PRIMARY KEY (check_name, currency)
);

-- What a person read in an invoice's PDF. Only ever added to: of an invoice's rows the one stated last holds, and of
-- those stated at the same instant the one with the greater statement_id.
CREATE TABLE {{dataset}}.invoice_statements (
  statement_id text PRIMARY KEY,
  invoice_number text NOT NULL,
  currency text NOT NULL,
  pre_tax numeric NOT NULL,
  tax numeric NOT NULL,
  stated_by text NOT NULL,
  stated_at timestamp NOT NULL
);

-- Who declared an invoice right, when, and on what: one row for each published snapshot of it (load_id, etag, rows_digest
-- and proof_sha256 are those of _snapshots, amounts its sums), and one whose stream is invoices for its header (load_id
-- is the reading that last changed it, rows_digest its _row_hash, amounts its total). Only ever added to.
CREATE TABLE {{dataset}}.invoice_sign_offs (
  sign_off_id text NOT NULL,
  invoice_number text NOT NULL,
  signed_by text NOT NULL,
  signed_at timestamp NOT NULL,
  stream text NOT NULL,
  load_id text NOT NULL,
  etag text,
  records bigint NOT NULL,
  amounts json NOT NULL,
  rows_digest text,
  proof_sha256 text,
  PRIMARY KEY (sign_off_id, stream)
);
