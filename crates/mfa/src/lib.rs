#![doc = include_str!("../README.md")]

mod backup_code;
mod enrolment;
#[cfg(feature = "passkey")]
pub mod passkey;
mod seal;
mod totp;

pub use backup_code::{BackupCode, BackupCodeError};
pub use enrolment::{EnrolmentError, EnrolmentUri};
pub use seal::{SealError, SeedKey};
pub use totp::{TotpSeed, TotpStep};
