//! The port of signing keys, and the records that it stores.

use portcullis_audit::SecurityEvent;
use portcullis_domain::Timestamp;
use portcullis_token::PublicKey;

use crate::StoreError;
use crate::effects::Effects;

/// What key pairs need from storage.
pub trait SigningKeyStore: Send + Sync {
    /// All of them, the retired ones too, in the order in which they begin to sign.
    fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;

    /// Adds a key unless there is one of its algorithm that has not retired and is not among
    /// `unusable`, while nobody else does; answers whether it was added. Only then the event is
    /// recorded.
    fn insert_first(
        &self,
        key: &SigningKeyRecord,
        unusable: &[&str],
        effects: &Effects,
    ) -> Result<bool, StoreError>;

    /// Adds a key beside those that are there.
    fn insert(&self, key: &SigningKeyRecord, effects: &Effects) -> Result<(), StoreError>;

    /// Retires a key and destroys its private half, unless somebody has done so before; answers
    /// whether it was done. Only then the effects are recorded.
    fn retire(&self, kid: &str, at: Timestamp, effects: &Effects) -> Result<bool, StoreError>;

    /// Replaces the sealed private half of a key, if it is still `before`.
    fn reseal(&self, kid: &str, before: &[u8], after: &[u8]) -> Result<(), StoreError>;

    /// What is stored about the keys of HS256.
    fn shared_keys(&self) -> Result<SharedRecord, StoreError>;

    /// Replaces what is stored about the keys of HS256 by what `next` makes of it, if anything, while
    /// nobody else does, and records its effects.
    fn replace_shared_keys(
        &self,
        next: &mut dyn FnMut(&SharedRecord) -> Option<SharedChange>,
    ) -> Result<(), StoreError>;

    /// Records an event of its own.
    fn record_printed(&self, event: &SecurityEvent) -> Result<(), StoreError>;
}

/// A key pair as it is stored.
#[derive(Clone, Debug)]
pub struct SigningKeyRecord {
    /// The half that everybody may know, with the name of the pair.
    pub public: PublicKey,
    /// The private half, sealed; empty once the key has retired.
    pub sealed: Vec<u8>,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// From when it signs.
    pub signs_from: Timestamp,
    /// Since when it neither signs nor verifies.
    pub retired_at: Option<Timestamp>,
}

/// What is stored about the keys of HS256.
#[derive(Clone, Debug)]
pub struct SharedRecord {
    /// The sealed record, if there is one.
    pub sealed: Option<Vec<u8>>,
    /// When the audit trail says that it was last changed.
    pub last_event: Option<Timestamp>,
    /// The time of the database, read after what locks the record.
    pub now: Timestamp,
}

/// What replaces the record, and what is recorded about it.
#[derive(Clone, Debug)]
pub struct SharedChange {
    /// The sealed record.
    pub sealed: Vec<u8>,
    /// The steps that led to it.
    pub effects: Effects,
}
