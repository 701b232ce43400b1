ALTER TABLE revocation_feed DROP COLUMN issued_from;
