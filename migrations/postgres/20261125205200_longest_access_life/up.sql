-- The longest life that an access token has ever been given, in milliseconds. Where there were sessions
-- before this was noted, it was no longer than a day.
ALTER TABLE revocation_feed ADD COLUMN longest_access_ms bigint NOT NULL DEFAULT 0;
UPDATE revocation_feed SET longest_access_ms = 86400000 WHERE EXISTS (SELECT 1 FROM sessions);
