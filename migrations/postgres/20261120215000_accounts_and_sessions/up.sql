CREATE TABLE accounts (
    id uuid NOT NULL PRIMARY KEY,
    username text NOT NULL UNIQUE,
    username_skeleton text NOT NULL UNIQUE,
    email text NOT NULL,
    email_key text NOT NULL UNIQUE,
    display_name text,
    kind text NOT NULL,
    role text NOT NULL,
    is_active boolean NOT NULL,
    email_verified boolean NOT NULL,
    password_must_change boolean NOT NULL,
    password_hash text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_sign_in_at timestamptz
);

-- Finds out whether an administrator exists.
CREATE INDEX accounts_by_role ON accounts (role);

CREATE TABLE sign_in_failures (
    budget bytea NOT NULL PRIMARY KEY,
    recent integer NOT NULL,
    in_a_row integer NOT NULL,
    last_failed_at timestamptz NOT NULL,
    closed_until timestamptz NOT NULL
);

-- A session holds its one live refresh token, so that no token can have two successors.
CREATE TABLE sessions (
    id uuid NOT NULL PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    delivery text NOT NULL,
    binding bytea,
    device_name text,
    current_token uuid NOT NULL,
    previous_token uuid,
    rotated_at timestamptz NOT NULL,
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text
);

CREATE INDEX sessions_live_by_account ON sessions (account_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- The family tree: every refresh token ever issued, for the audit of a reuse.
CREATE TABLE refresh_tokens (
    id uuid NOT NULL PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    parent_id uuid,
    issued_at timestamptz NOT NULL,
    address text NOT NULL,
    user_agent text
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE security_events (
    id uuid NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    subject uuid,
    session_id uuid,
    address text NOT NULL,
    user_agent text,
    outcome text NOT NULL
);

CREATE INDEX security_events_by_subject ON security_events (subject, at);

-- At most one row: how the first administrator came, or comes, to be.
CREATE TABLE setup (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    token_digest bytea,
    offered_at timestamptz NOT NULL,
    closed_at timestamptz
);
