-- Mails with reset links by address: how many since the last pause. The counter is a keyed digest, so that
-- the table reveals no address.
CREATE TABLE reset_mails (
    counter blob NOT NULL PRIMARY KEY,
    mails integer NOT NULL,
    last_at integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reset_mails_by_time ON reset_mails (last_at);

-- Finds the mails of an account that wait: a change of its password withdraws those with a reset link.
CREATE INDEX outbox_by_account ON outbox (account_id) WHERE delivered_at IS NULL;
