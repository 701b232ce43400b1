//! The port `SigningKeyStore`, and the records that it stores.

use portcullis_audit::SecurityEvent;
use portcullis_domain::Timestamp;
use portcullis_token::PublicKey;

use crate::StoreError;
use crate::effects::Effects;

/// The port of signing keys.
pub trait SigningKeyStore: Send + Sync {
    /// All keys, including retired ones, in the order in which they begin to sign.
    fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;

    /// Adds a key unless one of its algorithm exists that is not retired and not among `unusable`;
    /// no other key is added meanwhile. Returns whether it was added; only then the event is
    /// recorded.
    fn insert_first(
        &self,
        key: &SigningKeyRecord,
        unusable: &[&str],
        effects: &Effects,
    ) -> Result<bool, StoreError>;

    /// Adds a key beside the existing ones, unless `most` of them are not retired; no other key is added
    /// meanwhile. Returns whether it was added; only then the effects are recorded.
    fn insert(
        &self,
        key: &SigningKeyRecord,
        most: u32,
        effects: &Effects,
    ) -> Result<bool, StoreError>;

    /// Retires a key and destroys its private half, unless this was done before; returns whether it
    /// was done. Only then the effects are recorded.
    fn retire(&self, kid: &str, at: Timestamp, effects: &Effects) -> Result<bool, StoreError>;

    /// Replaces the sealed private half of a key, if it is still `before`.
    fn reseal(&self, kid: &str, before: &[u8], after: &[u8]) -> Result<(), StoreError>;

    /// The stored record of the HS256 keys.
    fn shared_keys(&self) -> Result<SharedRecord, StoreError>;

    /// Replaces the stored record of the HS256 keys by the result of `next`, if there is one, and
    /// records its effects; no other change happens meanwhile.
    fn replace_shared_keys(
        &self,
        next: &mut dyn FnMut(&SharedRecord) -> Option<SharedChange>,
    ) -> Result<(), StoreError>;

    /// Records an event in a transaction of its own.
    fn record_printed(&self, event: &SecurityEvent) -> Result<(), StoreError>;
}

/// A key pair as stored.
#[derive(Clone, Debug)]
pub struct SigningKeyRecord {
    /// The public half, with the name of the pair.
    pub public: PublicKey,
    /// The sealed private half; empty once the key is retired.
    pub sealed: Vec<u8>,
    /// The time of its creation and publication.
    pub created_at: Timestamp,
    /// The time of its first signature.
    pub signs_from: Timestamp,
    /// The time from which it neither signs nor verifies.
    pub retired_at: Option<Timestamp>,
}

/// The stored state of the HS256 keys.
#[derive(Clone, Debug)]
pub struct SharedRecord {
    /// The sealed record, if there is one.
    pub sealed: Option<Vec<u8>>,
    /// The last change according to the audit log.
    pub last_event: Option<Timestamp>,
    /// The time of the database, read after the lock of the record.
    pub now: Timestamp,
}

/// A replacement of the record, with the effects to record.
#[derive(Clone, Debug)]
pub struct SharedChange {
    /// The sealed record.
    pub sealed: Vec<u8>,
    /// The steps that led to it.
    pub effects: Effects,
}
