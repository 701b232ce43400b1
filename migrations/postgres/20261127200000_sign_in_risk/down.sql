ALTER TABLE sign_in_challenges DROP COLUMN message_id;
DROP TABLE network_failures;
