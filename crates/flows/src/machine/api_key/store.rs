//! The port of API keys, with the changes that it stores.

use std::time::Duration;

use portcullis_domain::{Account, AccountId, ApiKeyId, DisplayName, Timestamp};

use super::refusal::ApiKeyError;
use super::stored::StoredApiKey;
use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::principal::Principal;
use crate::sign_in::reauthentication::Reauthenticated;

/// The port of API keys.
pub trait ApiKeyStore: Send + Sync {
    /// Stores a key, if the principal is still entitled, the rule accepts the owner, and the owner has fewer
    /// keys than the maximum.
    fn create_api_key(&self, creation: &ApiKeyCreation<'_>) -> Result<ApiKeyCreated, StoreError>;

    /// The keys of the account, the oldest first, also expired ones.
    fn api_keys(&self, account: AccountId) -> Result<Vec<StoredApiKey>, StoreError>;

    /// The key and its owner, or `None`.
    fn api_key(&self, id: ApiKeyId) -> Result<Option<(StoredApiKey, Account)>, StoreError>;

    /// Ends a key after the overlap, and stores its successor, if the principal is still entitled and the
    /// owner has fewer keys than the maximum.
    fn rotate_api_key(&self, rotation: &ApiKeyRotation<'_>) -> Result<ApiKeyRotated, StoreError>;

    /// Deletes a key, if the principal is still entitled. Returns the deleted one.
    fn revoke_api_key(
        &self,
        revocation: &ApiKeyRevocation<'_>,
    ) -> Result<Option<StoredApiKey>, StoreError>;

    /// Stores the times of the latest uses, never an earlier one than is stored, and records the effects.
    fn record_api_key_uses(
        &self,
        uses: &[(ApiKeyId, Timestamp)],
        effects: Effects,
    ) -> Result<(), StoreError>;

    /// The keys of all accounts after this one, at most `limit`, by id.
    fn sealed_api_keys(
        &self,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<(ApiKeyId, StoredApiKey)>, StoreError>;

    /// Replaces sealed terms, unless they have changed meanwhile.
    fn reseal_api_key(&self, id: ApiKeyId, before: &[u8], after: &[u8]) -> Result<(), StoreError>;
}

/// The owner of a key about to be created, changed or revoked, and the principal that does it: the owner, or
/// the operator.
#[derive(Clone, Copy, Debug)]
pub struct ApiKeyAuthority<'a> {
    /// The owner.
    pub owner: AccountId,
    /// The principal.
    pub principal: &'a Principal,
}

/// A key about to be stored.
pub struct ApiKeyCreation<'a> {
    /// Owner and principal.
    pub authority: ApiKeyAuthority<'a>,
    /// The verified credential of the owner; the operator needs none.
    pub reauthenticated: Option<&'a Reauthenticated>,
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: &'a DisplayName,
    /// Its lifetime.
    pub lifetime: Duration,
    /// The rule for the owner.
    pub rule: &'a dyn Fn(&Account) -> Result<(), ApiKeyError>,
    /// Seals the terms with this end.
    pub seal: &'a dyn Fn(Timestamp) -> Vec<u8>,
    /// The maximum of keys of an account that have not expired.
    pub most: u32,
    /// The effects to record.
    pub effects: EffectsOf<'a, ApiKeyCreated>,
}

/// The result of a creation.
#[derive(Debug)]
pub enum ApiKeyCreated {
    /// The key is in force.
    Done(StoredApiKey),
    /// The rule refuses it, the account has too many keys, or the principal is not entitled any more.
    Refused(ApiKeyError),
}

/// A rotation about to be stored.
pub struct ApiKeyRotation<'a> {
    /// Owner and principal.
    pub authority: ApiKeyAuthority<'a>,
    /// As for a creation.
    pub reauthenticated: Option<&'a Reauthenticated>,
    /// The key to replace.
    pub id: ApiKeyId,
    /// The id of the successor.
    pub successor: ApiKeyId,
    /// The time for which both keys are valid.
    pub overlap: Duration,
    /// The sealed terms of both keys; `None` if the stored ones cannot be opened.
    pub terms: &'a dyn Fn(&StoredApiKey, RotationTimes) -> Option<RotatedTerms>,
    /// The maximum of keys of an account that have not expired.
    pub most: u32,
    /// The effects to record.
    pub effects: EffectsOf<'a, ApiKeyRotated>,
}

/// The times of a rotation.
#[derive(Clone, Copy, Debug)]
pub struct RotationTimes {
    /// The time of the rotation.
    pub now: Timestamp,
    /// The end of the replaced key.
    pub ends_at: Timestamp,
}

/// The sealed terms of both keys of a rotation.
#[derive(Debug)]
pub struct RotatedTerms {
    /// Of the replaced key.
    pub former: Vec<u8>,
    /// Of its successor.
    pub successor: Vec<u8>,
    /// The end of its successor.
    pub expires_at: Timestamp,
}

/// The result of a rotation.
#[derive(Debug)]
pub enum ApiKeyRotated {
    /// Both keys are valid until the end of the overlap.
    Done {
        /// The replaced key, with its new end.
        former: StoredApiKey,
        /// Its successor.
        successor: StoredApiKey,
    },
    /// There is no such key, or it has expired, or the principal is not entitled any more.
    Refused(ApiKeyError),
}

/// A revocation about to be stored.
pub struct ApiKeyRevocation<'a> {
    /// Owner and principal.
    pub authority: ApiKeyAuthority<'a>,
    /// The key.
    pub id: ApiKeyId,
    /// The effects to record.
    pub effects: EffectsOf<'a, Option<StoredApiKey>>,
}
