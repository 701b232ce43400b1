DROP TABLE outbox;
DROP TABLE signing_keys;
DROP TABLE revocation_feed;
DROP TABLE revocations;
ALTER TABLE accounts DROP COLUMN tokens_valid_from;
