-- Pages of the live sessions of all accounts, the newest first: ids are in the order of sign-ins.
CREATE INDEX sessions_live ON sessions (id) WHERE ended_at IS NULL;
