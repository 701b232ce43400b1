//! Schemas of answers whose types belong to other crates, which do not know the API document.
//!
//! Nothing is serialized from the types below: their fields are those of the serialized types, by
//! name. The tests compare every answer of the server with the document, and an answer with a member
//! that the document does not name fails them.

pub(crate) mod checkpoint;
mod details;
pub(crate) mod field;
pub(crate) mod matrix;
pub(crate) mod service;
pub(crate) mod trail;
