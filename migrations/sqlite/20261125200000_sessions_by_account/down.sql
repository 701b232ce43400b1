DROP INDEX sessions_by_account;
