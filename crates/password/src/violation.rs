//! Policy violations of a new password, with stable codes for clients.

/// A rule of the policy that a password violates. Prints as advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Too few characters.
    #[error("must have at least {minimum} characters; a few unrelated words are easy to remember")]
    TooShort {
        /// The minimum number of characters.
        minimum: usize,
    },
    /// Too many characters.
    #[error("must have at most {maximum} characters")]
    TooLong {
        /// The maximum number of characters.
        maximum: usize,
    },
    /// One of the most common passwords.
    #[error("is one of the most common passwords; choose one that nobody else has")]
    TooCommon,
    /// In a list of passwords that others have used and lost.
    #[error("is known from a data breach; choose one that nobody has used")]
    Breached,
    /// Guessable within few attempts by known patterns.
    #[error(
        "is easy to guess; use several unrelated words, or let a password manager choose, and avoid \
         names, dates, repeats and rows of keys"
    )]
    TooGuessable,
    /// Mainly a name of the person or of the product.
    #[error(
        "is mainly your name, email address or the name of this service, with a common word or a year \
         beside it; add something unrelated"
    )]
    ContainsContext,
    /// Too few kinds of characters.
    #[error(
        "must mix at least {required} of these: lower-case letters, upper-case letters, digits, other \
         characters"
    )]
    MissingClasses {
        /// The required number of character classes.
        required: u8,
    },
}

impl Violation {
    /// The stable code of the violated rule, for programs. It never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::TooCommon => "too_common",
            Self::Breached => "breached",
            Self::TooGuessable => "too_guessable",
            Self::ContainsContext => "contains_context",
            Self::MissingClasses { .. } => "missing_classes",
        }
    }
}
