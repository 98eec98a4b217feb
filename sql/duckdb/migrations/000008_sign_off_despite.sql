-- What did not match when an invoice was declared right all the same (--despite-differences), in a sentence; null where
-- everything that was checked matched.
ALTER TABLE {{dataset}}.invoice_sign_offs ADD COLUMN despite VARCHAR;
