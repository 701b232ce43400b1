//! API keys: credentials of programs, which act as the account of a developer or a service.
//!
//! A key may do what both its scope and the role of its owner allow at that moment. What decides about its
//! use is sealed: a person who can write the database can neither add a key, nor widen one, nor extend it.
//! Keys are created, rotated and revoked by their owner after a recent sign-in, or by the operator; never
//! with a key.

mod check;
mod refusal;
mod seal;
mod stored;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::{Scope, ScopeItem};
use portcullis_audit::{Details, EventKind, Outcome};
use portcullis_domain::{
    Account, AccountId, AccountKind, Ambient, ApiKeyId, DisplayName, NetworkList, Timestamp,
};
use portcullis_token::ApiKey;

pub use self::check::{ApiKeyChecks, CheckedApiKey};
pub use self::refusal::ApiKeyRefusal;
pub use self::seal::{ApiKeySeal, ApiKeyTerms};
pub use self::stored::StoredApiKey;
pub use self::usage::{ApiKeyUse, ApiKeyUses};
use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::access::permission::{self, Permission};
use crate::effects::{Effects, EffectsOf, event_now};
use crate::principal::Principal;
use crate::sign_in::factor::reseal_all;

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
    /// The account is gone or inactive, or the session of the principal has ended.
    #[error("the principal is not entitled to the account any more")]
    NotEntitled,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The bounds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyPolicy {
    /// The lifetime of a key that names none.
    pub lifetime: Duration,
    /// The longest lifetime.
    pub longest: Duration,
    /// The time for which a replaced key stays valid, if the rotation names none.
    pub overlap: Duration,
    /// The longest such time.
    pub longest_overlap: Duration,
    /// The maximum of keys of an account that have not expired.
    pub most: u32,
}

impl Default for ApiKeyPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            lifetime: 90 * DAY,
            longest: 365 * DAY,
            overlap: DAY,
            longest_overlap: 30 * DAY,
            most: 50,
        }
    }
}

/// A wanted key.
#[derive(Debug)]
pub struct WantedApiKey {
    /// Its name.
    pub name: DisplayName,
    /// Its scope.
    pub scope: Scope,
    /// The networks that it may be used from; an empty list allows all.
    pub networks: NetworkList,
    /// Its lifetime; `None` takes the default.
    pub lifetime: Option<Duration>,
}

/// A key with its terms, as its owner sees it.
#[derive(Debug)]
pub struct ApiKeyRecord {
    /// The stored key.
    pub stored: StoredApiKey,
    /// Its terms; `None` if they cannot be opened: then the key is refused.
    pub terms: Option<ApiKeyTerms>,
}

/// A key that has just been created: its text is shown once.
#[derive(Debug)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its record.
    pub record: ApiKeyRecord,
}

/// Creates, lists, rotates and revokes API keys.
pub struct ApiKeys {
    store: Arc<dyn ApiKeyStore>,
    matrix: Arc<ActiveMatrix>,
    seal: ApiKeySeal,
    policy: ApiKeyPolicy,
    ambient: Ambient,
}

impl ApiKeys {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn ApiKeyStore>,
        matrix: Arc<ActiveMatrix>,
        seal: ApiKeySeal,
        policy: ApiKeyPolicy,
        ambient: Ambient,
    ) -> Self {
        Self { store, matrix, seal, policy, ambient }
    }

    /// Creates a key of the owner. The scope may name only what the role of the owner gives now.
    ///
    /// # Errors
    ///
    /// If a bound or a rule refuses it, or the database fails.
    pub fn create(
        &self,
        authority: ApiKeyAuthority<'_>,
        wanted: &WantedApiKey,
    ) -> Result<NewApiKey, ApiKeyError> {
        let lifetime = wanted.lifetime.unwrap_or(self.policy.lifetime);
        if lifetime.is_zero() || lifetime > self.policy.longest {
            return Err(ApiKeyError::Lifetime);
        }
        let random = &*self.ambient.random;
        let key = ApiKey::generate(ApiKeyId::generate(self.ambient.now(), random), random);
        let matrix = self.matrix.load();
        let terms = |expires_at| ApiKeyTerms {
            digest: key.digest(),
            scope: Arc::new(wanted.scope.clone()),
            networks: wanted.networks.clone(),
            lifetime,
            expires_at,
        };
        let event = self.event(EventKind::ApiKeyCreated, authority);
        let effects = |result: &ApiKeyCreated| match result {
            ApiKeyCreated::Done(stored) => {
                event.clone().with(details(stored, &terms(stored.expires_at))).into()
            }
            ApiKeyCreated::Refused(_) => Effects::default(),
        };
        let created = self.store.create_api_key(&ApiKeyCreation {
            authority,
            id: key.id(),
            name: &wanted.name,
            lifetime,
            rule: &|owner| {
                let beside: &[Permission] = match owner.kind {
                    AccountKind::Developer => &[],
                    AccountKind::Service => &permission::OF_SERVICES,
                    _ => return Err(ApiKeyError::WrongKind),
                };
                let beyond = wanted.scope.beyond(&matrix.matrix, owner.role.as_str(), beside);
                beyond.map_or(Ok(()), |item| Err(ApiKeyError::BeyondRole(item.clone())))
            },
            seal: &|expires_at| {
                self.seal.seal(key.id(), authority.owner, &terms(expires_at), random)
            },
            most: self.policy.most,
            effects: &effects,
        })?;
        match created {
            ApiKeyCreated::Done(stored) => {
                let terms = Some(terms(stored.expires_at));
                Ok(NewApiKey { key, record: ApiKeyRecord { stored, terms } })
            }
            ApiKeyCreated::Refused(error) => Err(error),
        }
    }

    /// The keys of the account, the oldest first.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn list(&self, account: AccountId) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let stored = self.store.api_keys(account)?.into_iter();
        let record = |stored: StoredApiKey| ApiKeyRecord { terms: self.seal.open(&stored), stored };
        Ok(stored.map(record).collect())
    }

    /// Replaces a key by one with the same name, scope, networks and lifetime. The replaced one stays valid for
    /// the overlap, but not longer than before.
    ///
    /// # Errors
    ///
    /// If the key is unknown or has expired, a bound refuses it, or the database fails.
    pub fn rotate(
        &self,
        authority: ApiKeyAuthority<'_>,
        id: ApiKeyId,
        overlap: Option<Duration>,
    ) -> Result<NewApiKey, ApiKeyError> {
        let overlap = overlap.unwrap_or(self.policy.overlap);
        if overlap > self.policy.longest_overlap {
            return Err(ApiKeyError::Overlap);
        }
        let random = &*self.ambient.random;
        let key = ApiKey::generate(ApiKeyId::generate(self.ambient.now(), random), random);
        let event = self.event(EventKind::ApiKeyRotated, authority);
        let effects = |result: &ApiKeyRotated| match result {
            ApiKeyRotated::Done { former, successor } => {
                let opened = self.seal.open(successor);
                let details = opened.map_or(Details::None, |terms| details(successor, &terms));
                event.clone().with(details.replacing(former.id)).into()
            }
            ApiKeyRotated::Refused(_) => Effects::default(),
        };
        let rotated = self.store.rotate_api_key(&ApiKeyRotation {
            authority,
            id,
            successor: key.id(),
            overlap,
            terms: &|stored, RotationTimes { now, ends_at }| {
                let terms = self.seal.open(stored)?;
                let expires_at = now + terms.lifetime;
                let seal =
                    |id, terms: &ApiKeyTerms| self.seal.seal(id, authority.owner, terms, random);
                let former = ApiKeyTerms { expires_at: ends_at, ..terms.clone() };
                let successor = ApiKeyTerms { digest: key.digest(), expires_at, ..terms };
                Some(RotatedTerms {
                    former: seal(stored.id, &former),
                    successor: seal(key.id(), &successor),
                    expires_at,
                })
            },
            most: self.policy.most,
            effects: &effects,
        })?;
        match rotated {
            ApiKeyRotated::Done { successor: stored, .. } => {
                let terms = self.seal.open(&stored);
                Ok(NewApiKey { key, record: ApiKeyRecord { stored, terms } })
            }
            ApiKeyRotated::Refused(error) => Err(error),
        }
    }

    /// Revokes a key: every node refuses it within a second.
    ///
    /// # Errors
    ///
    /// If the key is unknown, or the database fails.
    pub fn revoke(&self, authority: ApiKeyAuthority<'_>, id: ApiKeyId) -> Result<(), ApiKeyError> {
        let event = self.event(EventKind::ApiKeyRevoked, authority);
        let effects = |revoked: &Option<StoredApiKey>| match revoked {
            Some(stored) => {
                event.clone().with(Details::of_revoked_api_key(stored.id, &stored.name)).into()
            }
            None => Effects::default(),
        };
        let revocation = ApiKeyRevocation { authority, id, effects: &effects };
        self.store.revoke_api_key(&revocation)?.map(drop).ok_or(ApiKeyError::Unknown)
    }

    /// Seals the terms again that the previous secret key sealed.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn reseal(&self) -> Result<(), StoreError> {
        reseal_all(
            |after, limit| self.store.sealed_api_keys(after, limit),
            |_, stored| self.seal.reseal(stored, &*self.ambient.random),
            |id, stored, sealed| self.store.reseal_api_key(id, &stored.sealed, sealed),
        )
    }

    fn event(
        &self,
        kind: EventKind,
        ApiKeyAuthority { owner, principal }: ApiKeyAuthority<'_>,
    ) -> portcullis_audit::SecurityEvent {
        let event = event_now(kind, Outcome::Success, &principal.origin, &self.ambient)
            .about(owner)
            .by(principal.actor);
        match principal.session() {
            Some(session) => event.in_session(session),
            None => event,
        }
    }
}

fn details(stored: &StoredApiKey, terms: &ApiKeyTerms) -> Details {
    Details::of_api_key(
        stored.id,
        &stored.name,
        &terms.scope.to_string(),
        &terms.networks,
        terms.expires_at,
    )
}
