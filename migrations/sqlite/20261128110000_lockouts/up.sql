-- The account that a counter of failures locks, the kind of the counter, and the epoch of the password for a
-- counter that ends with it. Counters of names that no account has, and of sessions, have none of them. Rows of
-- earlier versions get them with their next failure.
ALTER TABLE sign_in_failures ADD COLUMN account_id blob;
ALTER TABLE sign_in_failures ADD COLUMN kind text;
ALTER TABLE sign_in_failures ADD COLUMN password_epoch integer;

-- Pages of the lockouts that last longest.
CREATE INDEX sign_in_failures_closed ON sign_in_failures (closed_until, account_id, kind)
    WHERE account_id IS NOT NULL;

-- The counters of an account that is deleted.
CREATE INDEX sign_in_failures_by_account ON sign_in_failures (account_id) WHERE account_id IS NOT NULL;
