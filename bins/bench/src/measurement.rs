//! The measurements, one file each.

pub(crate) mod api_key;
pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod decision_flood;
pub(crate) mod export;
pub(crate) mod flood;
pub(crate) mod followers;
pub(crate) mod me;
pub(crate) mod passkey;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod replay;
pub(crate) mod shared_limit;
pub(crate) mod sign_in;
pub(crate) mod start;
pub(crate) mod totp;
pub(crate) mod verify;
