-- The search of accounts reads pages in the order of user names: of a role, and of all, each for one kind and
-- one state.
CREATE INDEX accounts_by_role_and_username ON accounts (role, kind, is_active, username);
CREATE INDEX accounts_by_kind_and_username ON accounts (kind, is_active, username);
-- The first of them begins with the role too.
DROP INDEX accounts_by_role;
