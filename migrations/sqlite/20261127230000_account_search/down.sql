CREATE INDEX accounts_by_role ON accounts (role);
DROP INDEX accounts_by_kind_and_username;
DROP INDEX accounts_by_role_and_username;
