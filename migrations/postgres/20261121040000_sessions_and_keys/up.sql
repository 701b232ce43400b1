-- Access tokens issued before this are void, although they do not look it.
ALTER TABLE accounts ADD COLUMN tokens_valid_from timestamptz;

-- Access tokens that must be refused although they look valid. Nothing here refers to a session or an
-- account: knowledge outlives them. The position says in which order nodes and followers hear of an
-- entry; it is given after the commit, because commits become visible in an order of their own.
CREATE TABLE revocations (
    id uuid NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    target uuid NOT NULL,
    issued_before timestamptz,
    until timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    position bigint UNIQUE
);

CREATE INDEX revocations_by_target ON revocations (target);
CREATE INDEX revocations_unnumbered ON revocations (recorded_at) WHERE position IS NULL;

-- One row: the position of the last entry that has one, and up to where entries were removed.
CREATE TABLE revocation_feed (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    head bigint NOT NULL,
    purged_through bigint NOT NULL
);

INSERT INTO revocation_feed (id, head, purged_through) VALUES (1, 0, 0);

-- Sessions that have ended although tokens of theirs may live: no access token lives longer than a day.
INSERT INTO revocations (kind, target, until, recorded_at)
SELECT 'session', id, ended_at + interval '24 hours', ended_at FROM sessions
WHERE ended_at > now() - interval '25 hours';

-- The private half is sealed under SECRET_KEY, and empty once the key has retired.
CREATE TABLE signing_keys (
    kid text NOT NULL PRIMARY KEY,
    algorithm text NOT NULL,
    public_key bytea NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retired_at timestamptz
);

-- Messages that wait to be delivered.
CREATE TABLE outbox (
    id uuid NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    account_id uuid NOT NULL,
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL
);
