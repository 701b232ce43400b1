-- Mails: those that wait, those that cannot be delivered, and for a while the delivered ones. `lease` is the
-- random id of the claim that holds a mail. The payload has no secret.
ALTER TABLE outbox RENAME TO former_outbox;
DROP INDEX outbox_by_time;

CREATE TABLE outbox (
    id uuid NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    payload text NOT NULL,
    recipient text NOT NULL,
    account_id uuid,
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    lease bytea,
    leased_until timestamptz,
    failure text,
    delivered_at timestamptz,
    dead_at timestamptz
);

INSERT INTO outbox (id, kind, payload, recipient, account_id, event_id, created_at, due_at)
    SELECT o.id, o.kind, json_build_object('kind', o.kind, 'address', e.address)::text, a.email,
        o.account_id, o.event_id, o.created_at, o.created_at
    FROM former_outbox o
    JOIN security_events e ON e.id = o.event_id
    JOIN accounts a ON a.id = o.account_id;

DROP TABLE former_outbox;
ALTER INDEX IF EXISTS outbox_pkey1 RENAME TO outbox_pkey;

CREATE INDEX outbox_due ON outbox (due_at) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_leased ON outbox (lease) WHERE lease IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX outbox_undelivered ON outbox (created_at) WHERE delivered_at IS NULL;

-- Digests of the secrets that were sent by mail. A newer secret of the same purpose and subject replaces the
-- older one. The subject is an account or an invitation.
CREATE TABLE mail_secrets (
    purpose text NOT NULL,
    subject_id uuid NOT NULL,
    digest bytea NOT NULL UNIQUE,
    address text NOT NULL,
    message_id uuid NOT NULL,
    minted_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (purpose, subject_id)
);

CREATE INDEX mail_secrets_by_expiry ON mail_secrets (expires_at);
CREATE INDEX mail_secrets_by_subject ON mail_secrets (subject_id);
