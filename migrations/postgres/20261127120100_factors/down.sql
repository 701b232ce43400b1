DROP TABLE sign_in_challenges;
DROP TABLE backup_codes;
DROP TABLE totp_enrolments;
DROP TABLE totp_factors;
