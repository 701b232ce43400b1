-- Entries that were needed no longer than this may have been removed, and no token that expires before
-- it is accepted, whatever a clock says later. Empty until the first purge.
ALTER TABLE revocation_feed ADD COLUMN horizon timestamptz;
