//! The reasons to refuse a token.

/// Why a token is refused. For logs and metrics: the caller who sent it is told 401 and no more.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Too long, not three parts, not strict base64url, a forbidden header member, or a claim that
    /// is missing, doubled or of the wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// A token of another kind, by its header `typ` or its claim `type`.
    #[error("the token is of another kind")]
    WrongKind,
    /// No key has the name that the token gives.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The header does not name the algorithm of the key.
    #[error("the token names another algorithm than its key has")]
    WrongAlgorithm,
    /// Changed, or signed by somebody else.
    #[error("the signature of the token does not match")]
    BadSignature,
    /// Past its end.
    #[error("the token has expired")]
    Expired,
    /// Before its beginning, or issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Made to live longer than its kind may.
    #[error("the token has a lifetime that its kind cannot have")]
    WrongLifetime,
    /// From another issuer.
    #[error("the token comes from another issuer")]
    WrongIssuer,
    /// For somebody else.
    #[error("the token is meant for another audience")]
    WrongAudience,
}

portcullis_domain::debug_as_display!(TokenError);
