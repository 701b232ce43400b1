-- When each job that one node does for all of them is due, who has it in hand, and how it fared.
CREATE TABLE jobs (
    name text NOT NULL PRIMARY KEY,
    every_ms bigint NOT NULL,
    holder bytea,
    held_until timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    succeeded_at timestamptz,
    failed_at timestamptz,
    failure text,
    duration_ms bigint NOT NULL DEFAULT 0,
    done bigint NOT NULL DEFAULT 0
);

-- They find what is to be removed.
CREATE INDEX sessions_unended_by_expiry ON sessions (expires_at) WHERE ended_at IS NULL;
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_failed_at);
CREATE INDEX outbox_by_time ON outbox (created_at);
