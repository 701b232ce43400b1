DROP INDEX security_events_refused;
DROP TABLE sign_in_refusals;
DROP TABLE sign_in_hours;
DROP TABLE sign_in_positions;
