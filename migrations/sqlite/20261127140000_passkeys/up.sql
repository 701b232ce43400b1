-- Passkeys. The public key is sealed together with the account and the credential id.
CREATE TABLE passkeys (
    id blob NOT NULL PRIMARY KEY,
    account_id blob NOT NULL,
    credential_id blob NOT NULL UNIQUE,
    sealed_key blob NOT NULL,
    counter integer NOT NULL,
    model text NOT NULL,
    transports text NOT NULL,
    is_user_verified integer NOT NULL,
    is_discoverable integer NOT NULL,
    is_backed_up integer NOT NULL,
    name text NOT NULL,
    created_at integer NOT NULL,
    last_used_at integer
) STRICT, WITHOUT ROWID;

CREATE INDEX passkeys_by_account ON passkeys (account_id);

-- Challenges that authenticators sign: of a registration or a step-up in a session, or of a sign-in in a browser.
CREATE TABLE passkey_challenges (
    digest blob NOT NULL PRIMARY KEY,
    purpose text NOT NULL,
    session_id blob,
    binding blob,
    delivery text,
    expires_at integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
