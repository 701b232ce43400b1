-- Every security event is sealed together with the one before it. Events written before this version
-- carry no seal and cannot be given one that proves anything: they are dropped.
DROP TABLE security_events;

CREATE TABLE security_events (
    chain bigint NOT NULL,
    sequence bigint NOT NULL,
    id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    subject uuid,
    session_id uuid,
    address text NOT NULL,
    user_agent text,
    request_id text,
    outcome text NOT NULL,
    details text,
    link bytea NOT NULL,
    PRIMARY KEY (chain, sequence)
);

-- Pages of a search go backwards in time; one index for each thing that an incident is followed by.
CREATE INDEX security_events_by_time ON security_events (at, id);
CREATE INDEX security_events_by_subject ON security_events (subject, at);
CREATE INDEX security_events_by_actor ON security_events (actor, at);
CREATE INDEX security_events_by_kind ON security_events (kind, at);
CREATE INDEX security_events_by_address ON security_events (address, at);

-- Decisions of the access matrix, many to a row.
CREATE TABLE decision_blocks (
    chain bigint NOT NULL,
    sequence bigint NOT NULL,
    first_ordinal bigint NOT NULL,
    count bigint NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    link bytea NOT NULL,
    filter bytea NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (chain, sequence)
);

-- Payloads are packed already: to compress them would cost time and save little.
ALTER TABLE decision_blocks ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE INDEX decision_blocks_by_ordinal ON decision_blocks (chain, first_ordinal);
CREATE INDEX decision_blocks_by_time ON decision_blocks (until_at, chain, first_ordinal);

-- Where each chain stands. The chains 0 to 15 hold security events and are there for ever; whoever
-- appends takes one that nobody else has in hand. Without a link, a chain has no entry yet. Rows
-- change with every event: room is left for their next versions beside them.
CREATE TABLE audit_chains (
    id bigint NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    opened_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    entries bigint NOT NULL,
    link bytea
) WITH (fillfactor = 20);

INSERT INTO audit_chains (id, kind, opened_at, sequence, entries)
SELECT id, 'events', now(), 0, 0 FROM generate_series(0, 15) AS id;

CREATE TABLE audit_checkpoints (
    number bigint NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    file text NOT NULL
);

-- How far the checkpoints cover each chain. Beside the chains, so that making a checkpoint neither
-- waits for those who append nor holds them up.
CREATE TABLE audit_checkpointed (
    chain bigint NOT NULL PRIMARY KEY,
    sequence bigint NOT NULL
);

CREATE TABLE matrix_versions (
    number bigint NOT NULL PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    file text NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL
);

CREATE TABLE matrix_activations (
    revision bigint NOT NULL PRIMARY KEY,
    version bigint NOT NULL REFERENCES matrix_versions (number),
    actor text NOT NULL,
    at timestamptz NOT NULL
);
