-- The authenticator app of an account. The seed is sealed; `last_step` is the last accepted time step.
CREATE TABLE totp_factors (
    account_id uuid NOT NULL PRIMARY KEY,
    seed bytea NOT NULL,
    last_step bigint NOT NULL,
    confirmed_at timestamptz NOT NULL,
    last_used_at timestamptz
);

-- Enrolments that are not confirmed: at most one of an account, confirmed in the session that started it.
CREATE TABLE totp_enrolments (
    account_id uuid NOT NULL PRIMARY KEY,
    session_id uuid NOT NULL,
    seed bytea NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX totp_enrolments_by_expiry ON totp_enrolments (expires_at);

-- Hashes of backup codes. All codes of an account have one salt.
CREATE TABLE backup_codes (
    account_id uuid NOT NULL,
    hash text NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (account_id, hash)
);

-- Sign-ins whose password was right and that wait for a second factor.
CREATE TABLE sign_in_challenges (
    token bytea NOT NULL PRIMARY KEY,
    binding bytea,
    account_id uuid NOT NULL,
    password_epoch integer NOT NULL,
    delivery text NOT NULL,
    device_name text,
    tries integer NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX sign_in_challenges_by_expiry ON sign_in_challenges (expires_at);
CREATE INDEX sign_in_challenges_by_account ON sign_in_challenges (account_id);
