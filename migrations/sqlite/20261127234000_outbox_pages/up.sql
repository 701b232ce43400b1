-- Pages of the outbox, the newest first: ids are in the order of the events. One index for each filter that few
-- mails pass.
CREATE INDEX outbox_newest_waiting ON outbox (id) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_newest_dead ON outbox (id) WHERE dead_at IS NOT NULL;
CREATE INDEX outbox_newest_void ON outbox (id) WHERE recipient = '';
CREATE INDEX outbox_newest_of_kind ON outbox (kind, id);
