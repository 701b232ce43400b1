-- Always empty: a row is written and removed in one transaction, to see that the database takes writes.
CREATE TABLE write_probes (
    probe integer NOT NULL
) STRICT;
