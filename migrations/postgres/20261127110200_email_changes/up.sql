-- Changes of addresses that wait for their mailed link; an account has one at most. With another password of
-- the account, a change is void.
CREATE TABLE email_changes (
    id uuid NOT NULL PRIMARY KEY,
    account_id uuid NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    email text NOT NULL,
    password_epoch integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX email_changes_by_expiry ON email_changes (expires_at);
