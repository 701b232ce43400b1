//! Refusals: of API keys that are shown, and of changes of API keys.

use portcullis_access::ScopeItem;
use portcullis_audit::Outcome;

use crate::StoreError;
use crate::sign_in::reauthentication::ReauthenticationError;

/// The reason why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyRefusal {
    /// There is no such key, or it was revoked, or it is damaged.
    #[error("there is no such API key")]
    Unknown,
    /// The key has expired.
    #[error("the API key has expired")]
    Expired,
    /// The owner is deactivated or blocked, or may have no keys any more.
    #[error("the owner of the API key is not active")]
    OwnerInactive,
    /// The client is outside the networks of the key or of its owner.
    #[error("the API key is not for use from this network")]
    OutsideNetworks,
}

impl ApiKeyRefusal {
    /// The outcome to record. An unknown key has no owner to record it for.
    pub(super) const fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Unknown => None,
            Self::Expired => Some(Outcome::Expired),
            Self::OwnerInactive => Some(Outcome::Deactivated),
            Self::OutsideNetworks => Some(Outcome::OutsideNetworks),
        }
    }
}

/// The reason why no key was created, rotated or revoked.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// An account of this kind has no keys.
    #[error("accounts of people have no API keys")]
    WrongKind,
    /// The scope asks for more than the owner has.
    #[error("the role of the owner does not give {0}")]
    BeyondRole(ScopeItem),
    /// The key would live too long, or not at all.
    #[error("the lifetime is out of bounds")]
    Lifetime,
    /// The overlap of a rotation is too long.
    #[error("the overlap is out of bounds")]
    Overlap,
    /// The account has too many keys.
    #[error("the account has too many API keys")]
    TooMany,
    /// There is no such key, or it has expired.
    #[error("there is no such API key")]
    Unknown,
    /// The key has a successor already.
    #[error("the API key was replaced already")]
    Replaced,
    /// The account is gone or inactive, or the session of the principal has ended.
    #[error("the principal is not entitled to the account any more")]
    NotEntitled,
    /// The current credential of the owner is not right.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
