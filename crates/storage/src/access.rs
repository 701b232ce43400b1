//! Storage of the area `access`: the access matrix.

pub(crate) mod matrix;
mod role_move;
