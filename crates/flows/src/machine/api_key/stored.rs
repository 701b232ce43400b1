//! Stored API keys: a row, with what decides about the key sealed.

use portcullis_domain::{AccountId, ApiKeyId, DisplayName, Timestamp};

/// A stored key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its owner.
    pub account: AccountId,
    /// The name that the owner gives it.
    pub name: DisplayName,
    /// What decides about its use, sealed.
    pub sealed: Vec<u8>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The end of its life, for lists and retention; the sealed one decides.
    pub expires_at: Timestamp,
    /// The time of its latest use, at most a minute late.
    pub last_used_at: Option<Timestamp>,
}
