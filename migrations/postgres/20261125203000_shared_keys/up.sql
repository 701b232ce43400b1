-- One row: what the keys of HS256 are good for, sealed under SECRET_KEY. Without it, and without a node
-- that signs with HS256, access tokens under a shared secret are not accepted.
CREATE TABLE shared_keys (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed bytea NOT NULL
);
