//! Password epochs: the number of password changes of an account.

/// The number of an account's current password, counted from its first one. Every change and every
/// reset increments it; a new hash of the same password does not.
///
/// A proof that depends on a password, such as that a device belongs to its owner, holds for the
/// epoch of that password only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasswordEpoch(u32);

impl PasswordEpoch {
    /// The epoch of the first password.
    pub const FIRST: Self = Self(0);

    /// Wraps a stored number.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number to store.
    pub const fn number(self) -> u32 {
        self.0
    }
}
