-- Access tokens issued before this are void, although they do not look it.
ALTER TABLE accounts ADD COLUMN tokens_valid_from integer;

-- Access tokens that must be refused although they look valid. Nothing here refers to a session or an
-- account: knowledge outlives them. The position says in which order nodes and followers hear of an
-- entry; it is given after the commit, because commits become visible in an order of their own.
CREATE TABLE revocations (
    id blob NOT NULL PRIMARY KEY DEFAULT (randomblob(16)),
    kind text NOT NULL,
    target blob NOT NULL,
    issued_before integer,
    until integer NOT NULL,
    recorded_at integer NOT NULL,
    position integer UNIQUE
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_by_target ON revocations (target);
CREATE INDEX revocations_unnumbered ON revocations (recorded_at) WHERE position IS NULL;

-- One row: the position of the last entry that has one, and up to where entries were removed.
CREATE TABLE revocation_feed (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    head integer NOT NULL,
    purged_through integer NOT NULL
) STRICT;

INSERT INTO revocation_feed (id, head, purged_through) VALUES (1, 0, 0);

-- Sessions that have ended although tokens of theirs may live: no access token lives longer than a day.
INSERT INTO revocations (kind, target, until, recorded_at)
SELECT 'session', id, ended_at + 86400000000, ended_at FROM sessions
WHERE ended_at > CAST(unixepoch('subsec') * 1000000 AS integer) - 90000000000;

-- The private half is sealed under SECRET_KEY, and empty once the key has retired.
CREATE TABLE signing_keys (
    kid text NOT NULL PRIMARY KEY,
    algorithm text NOT NULL,
    public_key blob NOT NULL,
    sealed blob NOT NULL,
    created_at integer NOT NULL,
    signs_from integer NOT NULL,
    retired_at integer
) STRICT, WITHOUT ROWID;

-- Messages that wait to be delivered.
CREATE TABLE outbox (
    id blob NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    account_id blob NOT NULL,
    event_id blob NOT NULL,
    created_at integer NOT NULL
) STRICT, WITHOUT ROWID;
