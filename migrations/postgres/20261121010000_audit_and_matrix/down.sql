DROP TABLE matrix_activations;
DROP TABLE matrix_versions;
DROP TABLE audit_checkpointed;
DROP TABLE audit_checkpoints;
DROP TABLE audit_chains;
DROP TABLE decision_blocks;
DROP TABLE security_events;

CREATE TABLE security_events (
    id uuid NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    subject uuid,
    session_id uuid,
    address text NOT NULL,
    user_agent text,
    outcome text NOT NULL
);

CREATE INDEX security_events_by_subject ON security_events (subject, at);
