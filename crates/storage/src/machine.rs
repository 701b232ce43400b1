//! What other services ask: whether a token is valid.

pub(crate) mod introspection;
