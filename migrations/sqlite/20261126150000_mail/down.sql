DROP TABLE mail_secrets;

ALTER TABLE outbox RENAME TO mails;

CREATE TABLE outbox (
    id blob NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    account_id blob NOT NULL,
    event_id blob NOT NULL,
    created_at integer NOT NULL
) STRICT, WITHOUT ROWID;

-- Only these kinds were known before.
INSERT INTO outbox (id, kind, account_id, event_id, created_at)
    SELECT event_id, kind, account_id, event_id, created_at FROM mails
    WHERE delivered_at IS NULL AND account_id IS NOT NULL
        AND kind IN ('refresh_token_reuse', 'refresh_token_late');

DROP TABLE mails;

CREATE INDEX outbox_by_time ON outbox (created_at);
