ALTER TABLE accounts DROP COLUMN must_verify_email;
DROP TABLE mail_allowances;
DROP TABLE pending_registrations;
