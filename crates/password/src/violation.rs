//! What a refused password is told, and the codes clients may rely on.

/// One rule of the policy that a password fails. Prints as what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Too few characters.
    #[error("must have at least {minimum} characters; a few unrelated words are easy to remember")]
    TooShort {
        /// The fewest allowed.
        minimum: usize,
    },
    /// Too many characters.
    #[error("must have at most {maximum} characters")]
    TooLong {
        /// The most allowed.
        maximum: usize,
    },
    /// One of the most common passwords.
    #[error("is one of the most common passwords; choose one that nobody else has")]
    TooCommon,
    /// Guessed within few tries by known patterns.
    #[error(
        "is easy to guess; use several unrelated words, or let a password manager choose, and avoid \
         names, dates, repeats and rows of keys"
    )]
    TooGuessable,
    /// Little more than a name of the person or of the product.
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
        /// How many kinds of characters are needed.
        required: u8,
    },
}

impl Violation {
    /// The stable word for the failed rule, for programs. It never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::TooCommon => "too_common",
            Self::TooGuessable => "too_guessable",
            Self::ContainsContext => "contains_context",
            Self::MissingClasses { .. } => "missing_classes",
        }
    }
}
