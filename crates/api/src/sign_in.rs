//! Routes of sign-in, second factors, refresh, sessions and sign-out.

pub(crate) mod backup_code;
pub(crate) mod challenge;
pub(crate) mod csrf;
pub(crate) mod device;
pub(crate) mod lockout_directory;
pub(crate) mod mass_sign_out;
pub(crate) mod passkey;
pub(crate) mod passkey_options;
pub(crate) mod passkey_sign_in;
pub(crate) mod password;
pub(crate) mod reauthentication;
pub(crate) mod refresh;
pub(crate) mod risk_replay;
pub(crate) mod session;
pub(crate) mod session_directory;
pub(crate) mod session_tokens;
pub(crate) mod sign_out;
pub(crate) mod step_up;
pub(crate) mod totp;
pub(crate) mod unlock;
