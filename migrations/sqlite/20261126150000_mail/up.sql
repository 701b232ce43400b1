-- Mails: those that wait, those that cannot be delivered, and for a while the delivered ones. `lease` is the
-- random id of the claim that holds a mail. The payload has no secret.
ALTER TABLE outbox RENAME TO former_outbox;
DROP INDEX outbox_by_time;

CREATE TABLE outbox (
    id blob NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    payload text NOT NULL,
    recipient text NOT NULL,
    account_id blob,
    event_id blob NOT NULL,
    created_at integer NOT NULL,
    due_at integer NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    lease blob,
    leased_until integer,
    failure text,
    delivered_at integer,
    dead_at integer
) STRICT, WITHOUT ROWID;

INSERT INTO outbox (id, kind, payload, recipient, account_id, event_id, created_at, due_at)
    SELECT o.id, o.kind, json_object('kind', o.kind, 'address', e.address), a.email,
        o.account_id, o.event_id, o.created_at, o.created_at
    FROM former_outbox o
    JOIN security_events e ON e.id = o.event_id
    JOIN accounts a ON a.id = o.account_id;

DROP TABLE former_outbox;

CREATE INDEX outbox_due ON outbox (due_at) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_leased ON outbox (lease) WHERE lease IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX outbox_undelivered ON outbox (created_at) WHERE delivered_at IS NULL;

-- Digests of the secrets that were sent by mail. A newer secret of the same purpose and subject replaces the
-- older one. The subject is an account or an invitation.
CREATE TABLE mail_secrets (
    purpose text NOT NULL,
    subject_id blob NOT NULL,
    digest blob NOT NULL UNIQUE,
    address text NOT NULL,
    message_id blob NOT NULL,
    minted_at integer NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (purpose, subject_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_secrets_by_expiry ON mail_secrets (expires_at);
CREATE INDEX mail_secrets_by_subject ON mail_secrets (subject_id);
