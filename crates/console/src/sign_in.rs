//! Pages of sign-in, sessions and sign-out.

pub(crate) mod backup_code;
pub(crate) mod challenge;
pub(crate) mod factors;
pub(crate) mod first_step;
pub(crate) mod lockout_directory;
pub(crate) mod passkey;
pub(crate) mod passkey_sign_in;
pub(crate) mod password;
pub(crate) mod renewal;
pub(crate) mod risk_replay;
pub(crate) mod session;
mod session_cookies;
pub(crate) mod session_directory;
pub(crate) mod sign_out;
pub(crate) mod step_up;
pub(crate) mod totp;
