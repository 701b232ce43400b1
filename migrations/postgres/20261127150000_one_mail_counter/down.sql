-- The counters of reset links begin again: a digest does not tell its cause.
CREATE TABLE reset_mails (
    counter bytea NOT NULL PRIMARY KEY,
    mails integer NOT NULL,
    last_at timestamptz NOT NULL
);

CREATE INDEX reset_mails_by_time ON reset_mails (last_at);
