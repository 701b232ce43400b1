DROP TABLE matrix_activations;
DROP TABLE matrix_versions;
DROP TABLE audit_checkpointed;
DROP TABLE audit_checkpoints;
DROP TABLE audit_chains;
DROP TABLE decision_blocks;
DROP TABLE security_events;

CREATE TABLE security_events (
    id blob NOT NULL PRIMARY KEY,
    at integer NOT NULL,
    kind text NOT NULL,
    subject blob,
    session_id blob,
    address text NOT NULL,
    user_agent text,
    outcome text NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX security_events_by_subject ON security_events (subject, at);
