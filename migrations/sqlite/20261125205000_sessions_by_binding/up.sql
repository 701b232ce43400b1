-- Finds the session of a browser that has nothing left of it but the binding cookie.
CREATE INDEX sessions_live_by_binding ON sessions (binding)
    WHERE ended_at IS NULL AND binding IS NOT NULL;
