DROP INDEX outbox_by_time;
DROP INDEX sign_in_failures_by_time;
DROP INDEX sessions_unended_by_expiry;
DROP TABLE jobs;
