-- Where each chain stood at the latest checkpoint: a copy, so that the next one need not read all those
-- before it. It is believed only where the latest checkpoint has signed the digest of it.
ALTER TABLE audit_checkpointed ADD COLUMN entries bigint;
ALTER TABLE audit_checkpointed ADD COLUMN link bytea;
