-- Counts the passwords of an account: a device cookie is good for the one that was shown for it.
ALTER TABLE accounts ADD COLUMN password_epoch integer NOT NULL DEFAULT 0;
