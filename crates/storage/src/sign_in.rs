//! Storage of the area `sign_in`: the pipeline, lockout, challenges, second factors, sessions, refresh
//! tokens, sign-out.

pub(crate) mod authentication;
pub(crate) mod backup_code;
pub(crate) mod challenge;
pub(crate) mod device;
pub(crate) mod epoch;
pub(crate) mod factor;
pub(crate) mod factor_reset;
pub(crate) mod family;
pub(crate) mod hash_cost;
pub(crate) mod lockout;
pub(crate) mod mass_sign_out;
pub(crate) mod passkey;
pub(crate) mod passkey_challenge;
pub(crate) mod passkey_row;
pub(crate) mod pipeline;
pub(crate) mod reauthentication;
pub(crate) mod refresh;
pub(crate) mod replacement;
pub(crate) mod risk;
pub(crate) mod session;
pub(crate) mod session_directory;
pub(crate) mod sign_out;
pub(crate) mod step_up;
pub(crate) mod totp;
pub(crate) mod unlock;
