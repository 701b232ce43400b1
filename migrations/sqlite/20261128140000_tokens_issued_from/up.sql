-- No access token that was issued before it is accepted. A restore sets it: the database does not know which of
-- them were revoked after the backup. Empty until the first restore.
ALTER TABLE revocation_feed ADD COLUMN issued_from integer;
