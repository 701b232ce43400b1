//! The columns `password_epoch` and `factor_epoch`.

use portcullis_domain::{FactorEpoch, PasswordEpoch};

use crate::failure::Failure;

/// Reads the column `password_epoch`.
pub(crate) fn read(stored: i32) -> Result<PasswordEpoch, Failure> {
    let number = u32::try_from(stored);
    let corrupt = |_| Failure::Corrupt { table: "accounts", column: "password_epoch" };
    number.map(PasswordEpoch::from_number).map_err(corrupt)
}

/// Reads the column `factor_epoch`.
pub(crate) fn read_factors(stored: i32) -> Result<FactorEpoch, Failure> {
    let corrupt = |_| Failure::Corrupt { table: "accounts", column: "factor_epoch" };
    u32::try_from(stored).map(FactorEpoch::from_number).map_err(corrupt)
}

/// The number to store.
pub(crate) fn stored(epoch: PasswordEpoch) -> i32 {
    i32::try_from(epoch.number()).unwrap_or(i32::MAX)
}
