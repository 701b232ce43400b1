//! What services call.

pub(crate) mod feed;
pub(crate) mod introspection;
pub(crate) mod jwks;
pub(crate) mod revocation;
