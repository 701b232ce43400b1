DROP INDEX sign_in_failures_by_account;
DROP INDEX sign_in_failures_closed;
ALTER TABLE sign_in_failures DROP COLUMN password_epoch;
ALTER TABLE sign_in_failures DROP COLUMN kind;
ALTER TABLE sign_in_failures DROP COLUMN account_id;
