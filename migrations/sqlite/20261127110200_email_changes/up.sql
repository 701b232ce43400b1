-- Changes of addresses that wait for their mailed link; an account has one at most. With another password of
-- the account, a change is void.
CREATE TABLE email_changes (
    id blob NOT NULL PRIMARY KEY,
    account_id blob NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    email text NOT NULL,
    password_epoch integer NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX email_changes_by_expiry ON email_changes (expires_at);
