ALTER TABLE sign_in_challenges DROP COLUMN address;

DROP TABLE network_failures;

CREATE TABLE network_failures (
    network text NOT NULL,
    counter bytea NOT NULL,
    failures integer NOT NULL,
    last_failed_at timestamptz NOT NULL,
    PRIMARY KEY (network, counter)
);

CREATE INDEX network_failures_by_time ON network_failures (last_failed_at);
