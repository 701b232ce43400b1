-- Passkeys. The public key is sealed together with the account and the credential id.
CREATE TABLE passkeys (
    id uuid NOT NULL PRIMARY KEY,
    account_id uuid NOT NULL,
    credential_id bytea NOT NULL UNIQUE,
    sealed_key bytea NOT NULL,
    counter bigint NOT NULL,
    model text NOT NULL,
    transports text NOT NULL,
    is_user_verified boolean NOT NULL,
    is_discoverable boolean NOT NULL,
    is_backed_up boolean NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);

CREATE INDEX passkeys_by_account ON passkeys (account_id);

-- Challenges that authenticators sign: of a registration or a step-up in a session, or of a sign-in in a browser.
CREATE TABLE passkey_challenges (
    digest bytea NOT NULL PRIMARY KEY,
    purpose text NOT NULL,
    session_id uuid,
    binding bytea,
    delivery text,
    expires_at timestamptz NOT NULL
);

CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
