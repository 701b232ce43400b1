-- Finds the few events of an outcome among many successes, for a search that names no account and no address.
CREATE INDEX security_events_by_outcome ON security_events (outcome, at) WHERE outcome <> 'success';
