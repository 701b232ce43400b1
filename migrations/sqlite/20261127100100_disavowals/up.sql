-- True after the holder has disavowed an action: no sign-in until the password is reset.
ALTER TABLE accounts ADD COLUMN is_blocked integer NOT NULL DEFAULT 0;

-- The account, for a secret whose subject is an alert.
ALTER TABLE mail_secrets ADD COLUMN account_id blob;

CREATE INDEX mail_secrets_by_account ON mail_secrets (account_id) WHERE account_id IS NOT NULL;

-- The former addresses of an account, the oldest with the lowest position. An alert that was sent to one of
-- them can give the account back to its holder.
CREATE TABLE former_emails (
    account_id blob NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email_key text NOT NULL,
    position integer NOT NULL,
    replaced_at integer NOT NULL,
    PRIMARY KEY (account_id, email_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX former_emails_by_time ON former_emails (replaced_at);
