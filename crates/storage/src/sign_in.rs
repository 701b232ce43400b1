//! Storage of the area `sign_in`: the pipeline, lockout, sessions, refresh tokens, sign-out.

pub(crate) mod authentication;
pub(crate) mod family;
pub(crate) mod hash_cost;
pub(crate) mod mass_sign_out;
pub(crate) mod pipeline;
pub(crate) mod refresh;
pub(crate) mod session;
pub(crate) mod sign_out;
pub(crate) mod unlock;
