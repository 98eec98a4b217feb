-- What a published snapshot is proven by, so that it can be checked again (docs/proof.md). Null where it was published
-- before proofs were kept. rows_digest: count and sums of the row hashes that readers see. proof_sha256: SHA-256 of
-- the proof's text, made of this row and its blobs.
ALTER TABLE {{dataset}}._snapshots ADD COLUMN proof_version INTEGER;

ALTER TABLE {{dataset}}._snapshots ADD COLUMN rows_digest VARCHAR;

ALTER TABLE {{dataset}}._snapshots ADD COLUMN proof_sha256 VARCHAR;
