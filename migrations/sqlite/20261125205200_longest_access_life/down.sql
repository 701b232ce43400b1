ALTER TABLE revocation_feed DROP COLUMN longest_access_ms;
