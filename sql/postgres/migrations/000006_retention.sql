-- How far the history of a scope was purged (retention: in the configuration). Rows that were replaced by that load, or
-- by one before it, are gone: what the table held before it cannot be told any more, and is refused.
CREATE TABLE {{dataset}}._retention (
  stream text NOT NULL,
  scope text NOT NULL,
  purged_until timestamp NOT NULL,
  purged_load_id text NOT NULL,
  rows_removed bigint NOT NULL,
  purged_at timestamp NOT NULL,
  PRIMARY KEY (stream, scope)
);

-- What a load replaced is looked up by load: to show what was restated, and to purge it.
CREATE INDEX ON {{dataset}}.billed_usage_history (_replaced_by_load_id);

CREATE INDEX ON {{dataset}}.billed_reconciliation_history (_replaced_by_load_id);
