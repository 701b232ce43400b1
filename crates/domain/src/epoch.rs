//! Epochs: the numbers of changes of the password and of the second factors of an account.

macro_rules! epoch {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The epoch of a new account.
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
    };
}

epoch! {
    /// The number of an account's current password, counted from its first one. Every change and every
    /// reset increments it; a new hash of the same password does not.
    ///
    /// A proof that depends on a password, such as that a device belongs to its owner, holds for the
    /// epoch of that password only.
    PasswordEpoch
}

epoch! {
    /// The number of times that second factors of an account were removed, replaced or reset.
    ///
    /// A device that was known while the account had a factor is unknown without it.
    FactorEpoch
}
