ALTER TABLE audit_checkpointed DROP COLUMN link;
ALTER TABLE audit_checkpointed DROP COLUMN entries;
