//! Routes of permission checks and of the access matrix.

pub(crate) mod decision;
pub(crate) mod json_object;
pub(crate) mod matrix;
