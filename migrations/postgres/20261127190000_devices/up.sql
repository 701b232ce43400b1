-- Known devices: browsers with a device cookie. The cookie of a device is valid in its present generation.
CREATE TABLE devices (
    id bytea NOT NULL PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    generation bigint NOT NULL,
    name text,
    address text NOT NULL,
    user_agent text,
    created_at timestamptz NOT NULL,
    rotated_at timestamptz NOT NULL
);

CREATE INDEX devices_by_account ON devices (account_id);

-- Finds devices that were not used for long.
CREATE INDEX devices_by_rotation ON devices (rotated_at);

-- Removals and replacements of second factors: each one makes every device unknown.
ALTER TABLE accounts ADD COLUMN factor_epoch integer NOT NULL DEFAULT 0;

-- The device of a session, and the client address of its sign-in.
ALTER TABLE sessions ADD COLUMN device_id bytea;
ALTER TABLE sessions ADD COLUMN opened_from text;
