DROP TABLE former_emails;

-- Nothing that the previous version knows is the account of these.
DELETE FROM mail_secrets WHERE account_id IS NOT NULL;
DROP INDEX mail_secrets_by_account;
ALTER TABLE mail_secrets DROP COLUMN account_id;

-- The previous version can only deactivate: a blocked account must not become accessible.
UPDATE accounts SET is_active = 0 WHERE is_blocked = 1;
ALTER TABLE accounts DROP COLUMN is_blocked;
