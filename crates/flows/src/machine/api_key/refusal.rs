//! Refusals of API keys, and the outcomes that they are recorded as.

use portcullis_audit::Outcome;

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
    /// The client is in none of the networks of the key.
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
