DROP INDEX accounts_by_password_cost;
ALTER TABLE accounts DROP COLUMN password_cost;
