//! Sign-in, refresh, sessions and sign-out.

pub(crate) mod csrf;
pub(crate) mod login;
pub(crate) mod mass_sign_out;
pub(crate) mod refresh;
pub(crate) mod session;
pub(crate) mod sign_out;
