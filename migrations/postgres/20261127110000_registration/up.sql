-- Registrations that wait for their mailed link. A link belongs to one row, and a row to no account.
CREATE TABLE pending_registrations (
    id uuid NOT NULL PRIMARY KEY,
    username text NOT NULL,
    email text NOT NULL,
    email_key text NOT NULL,
    display_name text,
    password_hash text NOT NULL,
    refused_names integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX pending_registrations_by_email ON pending_registrations (email_key);
CREATE INDEX pending_registrations_by_expiry ON pending_registrations (expires_at);

-- Mails that strangers caused, counted for each cause and address. The counter is a digest of both.
CREATE TABLE mail_allowances (
    counter bytea NOT NULL PRIMARY KEY,
    mails integer NOT NULL,
    window_ends_at timestamptz NOT NULL
);

CREATE INDEX mail_allowances_by_end ON mail_allowances (window_ends_at);

-- Accounts that must verify their address. Those of before were not asked to, and keep their access.
ALTER TABLE accounts ADD COLUMN must_verify_email boolean NOT NULL DEFAULT false;
