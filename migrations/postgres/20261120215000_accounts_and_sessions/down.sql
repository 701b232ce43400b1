DROP TABLE setup;
DROP TABLE security_events;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE sign_in_failures;
DROP TABLE accounts;
