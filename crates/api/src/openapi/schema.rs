//! Schemas of responses whose types belong to other crates, which do not depend on the API
//! document.
//!
//! Nothing is serialized from the types below: their fields have the names of the serialized types.
//! The tests compare every response of the server with the document; a member that the document
//! does not name fails them.

pub(crate) mod checkpoint;
mod details;
pub(crate) mod field;
pub(crate) mod matrix;
pub(crate) mod service;
pub(crate) mod trail;
