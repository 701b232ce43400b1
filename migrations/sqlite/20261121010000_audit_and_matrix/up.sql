-- Every security event is sealed together with the one before it. Events written before this version
-- carry no seal and cannot be given one that proves anything: they are dropped.
DROP TABLE security_events;

CREATE TABLE security_events (
    chain integer NOT NULL,
    sequence integer NOT NULL,
    id blob NOT NULL UNIQUE,
    at integer NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    subject blob,
    session_id blob,
    address text NOT NULL,
    user_agent text,
    request_id text,
    outcome text NOT NULL,
    details text,
    link blob NOT NULL,
    PRIMARY KEY (chain, sequence)
) STRICT, WITHOUT ROWID;

-- Pages of a search go backwards in time; one index for each thing that an incident is followed by.
CREATE INDEX security_events_by_time ON security_events (at, id);
CREATE INDEX security_events_by_subject ON security_events (subject, at);
CREATE INDEX security_events_by_actor ON security_events (actor, at);
CREATE INDEX security_events_by_kind ON security_events (kind, at);
CREATE INDEX security_events_by_address ON security_events (address, at);

-- Decisions of the access matrix, many to a row. The payload is last, so that whoever reads only
-- what stands before it does not read it; for the same reason the rows are not kept in the key.
CREATE TABLE decision_blocks (
    chain integer NOT NULL,
    sequence integer NOT NULL,
    first_ordinal integer NOT NULL,
    count integer NOT NULL,
    from_at integer NOT NULL,
    until_at integer NOT NULL,
    link blob NOT NULL,
    filter blob NOT NULL,
    payload blob NOT NULL,
    PRIMARY KEY (chain, sequence)
) STRICT;

CREATE INDEX decision_blocks_by_ordinal ON decision_blocks (chain, first_ordinal);
CREATE INDEX decision_blocks_by_time ON decision_blocks (until_at, chain, first_ordinal);

-- Where each chain stands. The chains 0 to 15 hold security events and are there for ever; whoever
-- appends takes one that nobody else has in hand. Without a link, a chain has no entry yet.
CREATE TABLE audit_chains (
    id integer NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    opened_at integer NOT NULL,
    sequence integer NOT NULL,
    entries integer NOT NULL,
    link blob
) STRICT;

INSERT INTO audit_chains (id, kind, opened_at, sequence, entries)
WITH RECURSIVE ids (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM ids WHERE id < 15)
SELECT id, 'events', CAST(unixepoch('subsec') * 1000000 AS integer), 0, 0 FROM ids;

CREATE TABLE audit_checkpoints (
    number integer NOT NULL PRIMARY KEY,
    at integer NOT NULL,
    file text NOT NULL
) STRICT;

-- How far the checkpoints cover each chain. Beside the chains, so that making a checkpoint neither
-- waits for those who append nor holds them up.
CREATE TABLE audit_checkpointed (
    chain integer NOT NULL PRIMARY KEY,
    sequence integer NOT NULL
) STRICT;

CREATE TABLE matrix_versions (
    number integer NOT NULL PRIMARY KEY,
    digest blob NOT NULL UNIQUE,
    file text NOT NULL,
    actor text NOT NULL,
    at integer NOT NULL
) STRICT;

CREATE TABLE matrix_activations (
    revision integer NOT NULL PRIMARY KEY,
    version integer NOT NULL REFERENCES matrix_versions (number),
    actor text NOT NULL,
    at integer NOT NULL
) STRICT;
