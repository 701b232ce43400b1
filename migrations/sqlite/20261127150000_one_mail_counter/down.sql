-- The counters of reset links begin again: a digest does not tell its cause.
CREATE TABLE reset_mails (
    counter blob NOT NULL PRIMARY KEY,
    mails integer NOT NULL,
    last_at integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reset_mails_by_time ON reset_mails (last_at);
