-- The beginning of a password hash, which says what verifying it costs; kept by the database itself, so
-- that the costs in use are counted without reading a hash.
ALTER TABLE accounts ADD COLUMN password_cost text GENERATED ALWAYS AS (
    CASE WHEN substr(password_hash, 1, 15) = '$argon2id$v=19$'
        THEN substr(password_hash, 1, 14 + min(45, instr(substr(password_hash, 16), '$')))
        ELSE substr(password_hash, 1, 6)
    END
) VIRTUAL;

CREATE INDEX accounts_by_password_cost ON accounts (password_cost) WHERE password_cost IS NOT NULL;
