ALTER TABLE revocation_feed DROP COLUMN horizon;
