-- Failures count for an hour, by buckets of five minutes: a row for each name of a network has no window. The
-- rows of the former table are of the last hour, and nobody misses them.
DROP TABLE network_failures;

CREATE TABLE network_failures (
    network text NOT NULL,
    bucket_at integer NOT NULL,
    counter blob NOT NULL,
    failures integer NOT NULL,
    PRIMARY KEY (network, bucket_at, counter)
) STRICT, WITHOUT ROWID;

-- Finds rows of more than an hour ago.
CREATE INDEX network_failures_by_time ON network_failures (bucket_at);

-- The client address whose risk was assessed in the first step.
ALTER TABLE sign_in_challenges ADD COLUMN address text;
