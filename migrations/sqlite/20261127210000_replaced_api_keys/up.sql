-- When a key got its one successor; NULL for a key without one.
ALTER TABLE api_keys ADD COLUMN replaced_at integer;
