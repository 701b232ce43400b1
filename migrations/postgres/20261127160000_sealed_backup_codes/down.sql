-- Sealed codes cannot be opened by SQL: their owners generate new ones.
DROP TABLE backup_codes;

CREATE TABLE backup_codes (
    account_id uuid NOT NULL,
    hash text NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (account_id, hash)
);
