//! Routes for other services: introspection, revocation feed, published keys.

pub(crate) mod feed;
pub(crate) mod introspection;
pub(crate) mod jwks;
pub(crate) mod revocation;
