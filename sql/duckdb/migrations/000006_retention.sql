-- How far the history of a scope was purged (retention: in the configuration). Rows that were replaced by that load, or
-- by one before it, are gone: what the table held before it cannot be told any more, and is refused.
CREATE TABLE {{dataset}}._retention (
  stream VARCHAR NOT NULL,
  scope VARCHAR NOT NULL,
  purged_until TIMESTAMP NOT NULL,
  purged_load_id VARCHAR NOT NULL,
  rows_removed BIGINT NOT NULL,
  purged_at TIMESTAMP NOT NULL,
  PRIMARY KEY (stream, scope)
);
