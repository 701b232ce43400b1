-- One row for the backup codes of an account: the hashes are sealed together, and a bit of `used` says for each
-- place whether its code was used. SQL cannot seal the codes of before: their owners generate new ones.
DROP TABLE backup_codes;

CREATE TABLE backup_codes (
    account_id blob NOT NULL PRIMARY KEY,
    sealed blob NOT NULL,
    used integer NOT NULL,
    created_at integer NOT NULL,
    last_used_at integer
) STRICT, WITHOUT ROWID;
