-- One row: under which SECRET_KEY the data is written. It tells nothing of the secret itself.
CREATE TABLE secret_fingerprint (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    fingerprint bytea NOT NULL,
    noted_at timestamptz NOT NULL
);
