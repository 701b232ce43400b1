-- The time of the latest proof in a session: of its sign-in (null, as in sessions of before) or of a step-up.
ALTER TABLE sessions ADD COLUMN proven_at timestamptz;
-- True while the account has a second factor. Accounts of before have none.
ALTER TABLE accounts ADD COLUMN mfa_enabled boolean NOT NULL DEFAULT false;
