//! Pages of the access matrix.

pub(crate) mod matrix;
mod picture;
pub(crate) mod replay;
pub(crate) mod version;
