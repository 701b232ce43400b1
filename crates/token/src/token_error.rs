//! Verification errors of tokens.

/// The reason why a token is refused. For logs and metrics only: the caller gets 401 without a
/// reason.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Too long, not three parts, not strict base64url, a forbidden header member, or a claim that
    /// is missing, duplicate or of the wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// A token of another kind, by the header `typ` or the claim `type`.
    #[error("the token is of another kind")]
    WrongKind,
    /// The key that the token names is unknown.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The header does not name the algorithm of the key.
    #[error("the token names another algorithm than its key has")]
    WrongAlgorithm,
    /// Changed, or signed with another key.
    #[error("the signature of the token does not match")]
    BadSignature,
    /// After its expiry.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf`, or issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The lifetime is longer than its kind allows.
    #[error("the token has a lifetime that its kind cannot have")]
    WrongLifetime,
    /// From another issuer.
    #[error("the token comes from another issuer")]
    WrongIssuer,
    /// For another audience.
    #[error("the token is meant for another audience")]
    WrongAudience,
}

portcullis_domain::debug_as_display!(TokenError);
