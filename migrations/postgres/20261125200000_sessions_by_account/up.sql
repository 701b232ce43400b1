-- A search of the audit trail for the refreshes of an account goes through its sessions, ended ones too.
CREATE INDEX sessions_by_account ON sessions (account_id);
