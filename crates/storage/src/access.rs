//! The access matrix, and the decisions it makes.

pub(crate) mod matrix;
