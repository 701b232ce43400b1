-- The sign-ins of the audit log, counted. A job counts the events of each chain in the order of their sequence;
-- the position is the last one that is counted.
CREATE TABLE sign_in_positions (
    chain integer NOT NULL PRIMARY KEY,
    sequence integer NOT NULL
) STRICT;

INSERT INTO sign_in_positions (chain, sequence) SELECT id, 0 FROM audit_chains WHERE id < 16;

CREATE TABLE sign_in_hours (
    hour_at integer NOT NULL,
    outcome text NOT NULL,
    events integer NOT NULL,
    without_account integer NOT NULL,
    PRIMARY KEY (hour_at, outcome)
) STRICT, WITHOUT ROWID;

-- Refused sign-ins of a day: of each account, and from each address.
CREATE TABLE sign_in_refusals (
    counted_by text NOT NULL,
    key blob NOT NULL,
    day_at integer NOT NULL,
    refusals integer NOT NULL,
    PRIMARY KEY (counted_by, key, day_at)
) STRICT, WITHOUT ROWID;

-- Finds the highest counts of a day.
CREATE INDEX sign_in_refusals_by_day ON sign_in_refusals (counted_by, day_at, refusals, key);

-- The refusals of a part of a day are counted from the events.
CREATE INDEX security_events_refused ON security_events (at, subject, address)
    WHERE kind = 'sign_in' AND outcome <> 'success';
