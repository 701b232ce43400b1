-- API keys. What decides about the use of a key is sealed together with its id and its account.
CREATE TABLE api_keys (
    id blob NOT NULL PRIMARY KEY,
    account_id blob NOT NULL,
    name text NOT NULL,
    sealed blob NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    last_used_at integer
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_account ON api_keys (account_id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at);
