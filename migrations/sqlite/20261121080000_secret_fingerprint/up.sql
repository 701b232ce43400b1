-- One row: under which SECRET_KEY the data is written. It tells nothing of the secret itself.
CREATE TABLE secret_fingerprint (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    fingerprint blob NOT NULL,
    noted_at integer NOT NULL
) STRICT;
