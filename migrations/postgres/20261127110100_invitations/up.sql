-- Invitations that wait for their mailed link; an address has one at most. Without an inviter, the operator
-- has invited.
CREATE TABLE invitations (
    id uuid NOT NULL PRIMARY KEY,
    email text NOT NULL,
    email_key text NOT NULL UNIQUE,
    role text NOT NULL,
    kind text NOT NULL,
    inviter_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX invitations_by_expiry ON invitations (expires_at);
