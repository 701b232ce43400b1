-- Sealed codes cannot be opened by SQL: their owners generate new ones.
DROP TABLE backup_codes;

CREATE TABLE backup_codes (
    account_id blob NOT NULL,
    hash text NOT NULL,
    created_at integer NOT NULL,
    used_at integer,
    PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;
