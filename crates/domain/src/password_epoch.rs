/// Which password an account has, counted from its first one: every change and every reset counts, a
/// new hash of the same password does not.
///
/// What a password has proven, such as that a device belongs to its owner, holds for its epoch only.
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
