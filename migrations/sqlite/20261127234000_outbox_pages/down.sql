DROP INDEX outbox_newest_of_kind;
DROP INDEX outbox_newest_void;
DROP INDEX outbox_newest_dead;
DROP INDEX outbox_newest_waiting;
