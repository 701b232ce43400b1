-- The sign-ins of the audit log, counted. A job counts the events of each chain in the order of their sequence;
-- the position is the last one that is counted.
CREATE TABLE sign_in_positions (
    chain bigint NOT NULL PRIMARY KEY,
    sequence bigint NOT NULL
);

INSERT INTO sign_in_positions (chain, sequence) SELECT id, 0 FROM audit_chains WHERE id < 16;

CREATE TABLE sign_in_hours (
    hour_at timestamptz NOT NULL,
    outcome text NOT NULL,
    events bigint NOT NULL,
    without_account bigint NOT NULL,
    PRIMARY KEY (hour_at, outcome)
);

-- Refused sign-ins of a day: of each account, and from each address. The counts are in the key, so that a sum
-- of days reads no row.
CREATE TABLE sign_in_refusals (
    counted_by text NOT NULL,
    key bytea NOT NULL,
    day_at timestamptz NOT NULL,
    refusals bigint NOT NULL,
    PRIMARY KEY (counted_by, key, day_at) INCLUDE (refusals)
);

-- Finds the highest counts of a day.
CREATE INDEX sign_in_refusals_by_day ON sign_in_refusals (counted_by, day_at, refusals, key);

-- The refusals of a part of a day are counted from the events.
CREATE INDEX security_events_refused ON security_events (at, subject, address)
    WHERE kind = 'sign_in' AND outcome <> 'success';
