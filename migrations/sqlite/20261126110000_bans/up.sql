-- The bans of client addresses, each under its first address; ended ones are kept while they count as
-- former bans.
CREATE TABLE bans (
    addresses text NOT NULL PRIMARY KEY,
    started_at integer NOT NULL,
    ends_at integer NOT NULL,
    former_bans integer NOT NULL,
    imposed_by text,
    reason text
) STRICT, WITHOUT ROWID;

CREATE INDEX bans_by_end ON bans (ends_at);

-- The number of changes of the table: nodes read the bans only after a change. The update of this row is
-- the lock of every change.
CREATE TABLE ban_revision (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    revision integer NOT NULL
) STRICT;

INSERT INTO ban_revision VALUES (1, 0);
