-- The epoch of the password that was checked against the lists of breached passwords.
ALTER TABLE accounts ADD COLUMN breach_reviewed_epoch integer;
