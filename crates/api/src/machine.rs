//! Routes for other services and programs: API keys, introspection, revocation feed, published keys.

pub(crate) mod api_key;
pub(crate) mod feed;
pub(crate) mod introspection;
pub(crate) mod jwks;
pub(crate) mod revocation;
