//! The access matrix, and the decisions it makes.

pub mod decision;
pub mod matrix;
pub mod permission;
pub(crate) mod question;
pub(crate) mod request_decisions;
