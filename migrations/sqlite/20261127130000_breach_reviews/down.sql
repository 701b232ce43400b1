ALTER TABLE accounts DROP COLUMN breach_reviewed_epoch;
