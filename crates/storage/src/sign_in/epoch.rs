//! The column `password_epoch`.

use portcullis_domain::PasswordEpoch;

use crate::failure::Failure;

/// Reads the column.
pub(crate) fn read(stored: i32) -> Result<PasswordEpoch, Failure> {
    let number = u32::try_from(stored);
    let corrupt = |_| Failure::Corrupt { table: "accounts", column: "password_epoch" };
    number.map(PasswordEpoch::from_number).map_err(corrupt)
}

/// The number to store.
pub(crate) fn stored(epoch: PasswordEpoch) -> i32 {
    i32::try_from(epoch.number()).unwrap_or(i32::MAX)
}
