ALTER TABLE accounts DROP COLUMN mfa_enabled;
ALTER TABLE sessions DROP COLUMN proven_at;
