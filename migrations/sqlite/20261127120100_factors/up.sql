-- The authenticator app of an account. The seed is sealed; `last_step` is the last accepted time step.
CREATE TABLE totp_factors (
    account_id blob NOT NULL PRIMARY KEY,
    seed blob NOT NULL,
    last_step integer NOT NULL,
    confirmed_at integer NOT NULL,
    last_used_at integer
) STRICT, WITHOUT ROWID;

-- Enrolments that are not confirmed: at most one of an account, confirmed in the session that started it.
CREATE TABLE totp_enrolments (
    account_id blob NOT NULL PRIMARY KEY,
    session_id blob NOT NULL,
    seed blob NOT NULL,
    expires_at integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX totp_enrolments_by_expiry ON totp_enrolments (expires_at);

-- Hashes of backup codes. All codes of an account have one salt.
CREATE TABLE backup_codes (
    account_id blob NOT NULL,
    hash text NOT NULL,
    created_at integer NOT NULL,
    used_at integer,
    PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

-- Sign-ins whose password was right and that wait for a second factor.
CREATE TABLE sign_in_challenges (
    token blob NOT NULL PRIMARY KEY,
    binding blob,
    account_id blob NOT NULL,
    password_epoch integer NOT NULL,
    delivery text NOT NULL,
    device_name text,
    tries integer NOT NULL,
    expires_at integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_challenges_by_expiry ON sign_in_challenges (expires_at);
CREATE INDEX sign_in_challenges_by_account ON sign_in_challenges (account_id);
