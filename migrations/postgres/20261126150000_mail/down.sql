DROP TABLE mail_secrets;

ALTER TABLE outbox RENAME TO mails;

CREATE TABLE outbox (
    id uuid NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    account_id uuid NOT NULL,
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL
);

-- Only these kinds were known before.
INSERT INTO outbox (id, kind, account_id, event_id, created_at)
    SELECT event_id, kind, account_id, event_id, created_at FROM mails
    WHERE delivered_at IS NULL AND account_id IS NOT NULL
        AND kind IN ('refresh_token_reuse', 'refresh_token_late');

DROP TABLE mails;
ALTER INDEX IF EXISTS outbox_pkey1 RENAME TO outbox_pkey;

CREATE INDEX outbox_by_time ON outbox (created_at);
