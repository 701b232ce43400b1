//! What is measured, a file each.

pub(crate) mod flood;
pub(crate) mod me;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod sign_in;
pub(crate) mod start;
