-- Failed sign-ins of the last hour by network prefix, under the counter of each name.
CREATE TABLE network_failures (
    network text NOT NULL,
    counter bytea NOT NULL,
    failures integer NOT NULL,
    last_failed_at timestamptz NOT NULL,
    PRIMARY KEY (network, counter)
);

-- Finds rows of more than an hour ago.
CREATE INDEX network_failures_by_time ON network_failures (last_failed_at);

-- The mail with the code that answers the challenge, for an account without a second factor.
ALTER TABLE sign_in_challenges ADD COLUMN message_id uuid;
