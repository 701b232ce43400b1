CREATE TABLE accounts (
    id blob NOT NULL PRIMARY KEY,
    username text NOT NULL UNIQUE,
    username_skeleton text NOT NULL UNIQUE,
    email text NOT NULL,
    email_key text NOT NULL UNIQUE,
    display_name text,
    kind text NOT NULL,
    role text NOT NULL,
    is_active integer NOT NULL,
    email_verified integer NOT NULL,
    password_must_change integer NOT NULL,
    password_hash text,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    last_sign_in_at integer
) STRICT, WITHOUT ROWID;

-- Finds out whether an administrator exists.
CREATE INDEX accounts_by_role ON accounts (role);

CREATE TABLE sign_in_failures (
    budget blob NOT NULL PRIMARY KEY,
    recent integer NOT NULL,
    in_a_row integer NOT NULL,
    last_failed_at integer NOT NULL,
    closed_until integer NOT NULL
) STRICT, WITHOUT ROWID;

-- A session holds its one live refresh token, so that no token can have two successors.
CREATE TABLE sessions (
    id blob NOT NULL PRIMARY KEY,
    account_id blob NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    delivery text NOT NULL,
    binding blob,
    device_name text,
    current_token blob NOT NULL,
    previous_token blob,
    rotated_at integer NOT NULL,
    authenticated_at integer NOT NULL,
    expires_at integer NOT NULL,
    ended_at integer,
    end_reason text
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_live_by_account ON sessions (account_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- The family tree: every refresh token ever issued, for the audit of a reuse.
CREATE TABLE refresh_tokens (
    id blob NOT NULL PRIMARY KEY,
    session_id blob NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    parent_id blob,
    issued_at integer NOT NULL,
    address text NOT NULL,
    user_agent text
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE security_events (
    id blob NOT NULL PRIMARY KEY,
    at integer NOT NULL,
    kind text NOT NULL,
    subject blob,
    session_id blob,
    address text NOT NULL,
    user_agent text,
    outcome text NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX security_events_by_subject ON security_events (subject, at);

-- At most one row: how the first administrator came, or comes, to be.
CREATE TABLE setup (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    token_digest blob,
    offered_at integer NOT NULL,
    closed_at integer
) STRICT, WITHOUT ROWID;
