//! API keys: credentials of programs, which act as the account of a developer or a service.
//!
//! A key may do what both its scope and the role of its owner allow at that moment. What decides about its
//! use is sealed: a person who can write the database can neither add a key, nor widen one, nor extend it.
//! Keys are created, rotated and revoked by their owner after a recent sign-in, or by the operator; never
//! with a key. A new key takes the current password too, or a passkey: a stolen access token alone makes
//! no credential that outlives it.

mod check;
mod refusal;
mod seal;
mod store;
mod stored;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Scope;
use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, AccountKind, Ambient, ApiKeyId, DisplayName, NetworkList};
use portcullis_token::ApiKey;

pub use self::check::{ApiKeyChecks, CheckedApiKey};
pub use self::refusal::{ApiKeyError, ApiKeyRefusal};
pub use self::seal::{ApiKeySeal, ApiKeyTerms};
pub use self::store::{
    ApiKeyAuthority, ApiKeyCreated, ApiKeyCreation, ApiKeyRevocation, ApiKeyRotated,
    ApiKeyRotation, ApiKeyStore, RotatedTerms, RotationTimes,
};
pub use self::stored::StoredApiKey;
pub use self::usage::{ApiKeyUse, ApiKeyUses};
use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::access::permission::{self, Permission};
use crate::effects::{Effects, event_now};
use crate::node::mail::{Mail, MailText};
use crate::sign_in::factor::reseal_all;
use crate::sign_in::reauthentication::{
    Reauthenticated, Reauthentication, ReauthenticationRequest,
};

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
    reauthentication: Option<Reauthentication>,
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
        Self { store, matrix, seal, policy, reauthentication: None, ambient }
    }

    /// The same use case, for owners too: it verifies their current credentials.
    #[must_use]
    pub fn for_owners(self, reauthentication: Reauthentication) -> Self {
        Self { reauthentication: Some(reauthentication), ..self }
    }

    /// Creates a key of the owner. The scope may name only what the role of the owner gives now. Everybody
    /// but the operator gives the current credential of the owner again.
    ///
    /// # Errors
    ///
    /// If a bound or a rule refuses it, or the database fails.
    pub fn create(
        &self,
        authority: ApiKeyAuthority<'_>,
        current: Option<&ReauthenticationRequest>,
        wanted: &WantedApiKey,
    ) -> Result<NewApiKey, ApiKeyError> {
        let lifetime = wanted.lifetime.unwrap_or(self.policy.lifetime);
        if lifetime.is_zero() || lifetime > self.policy.longest {
            return Err(ApiKeyError::Lifetime);
        }
        let reauthenticated = self.verify(authority, current, EventKind::ApiKeyCreated)?;
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
        let told = |event, stored: &_| self.told(authority, event, stored);
        let effects = |result: &ApiKeyCreated| match result {
            ApiKeyCreated::Done(stored) => {
                told(event.clone().with(details(stored, &terms(stored.expires_at))), stored)
            }
            ApiKeyCreated::Refused(_) => Effects::default(),
        };
        let created = self.store.create_api_key(&ApiKeyCreation {
            authority,
            reauthenticated: reauthenticated.as_ref(),
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
    /// the overlap, but not longer than before. The current credential is given as for a creation.
    ///
    /// # Errors
    ///
    /// If the key is unknown or has expired, a bound refuses it, or the database fails.
    pub fn rotate(
        &self,
        authority: ApiKeyAuthority<'_>,
        current: Option<&ReauthenticationRequest>,
        id: ApiKeyId,
        overlap: Option<Duration>,
    ) -> Result<NewApiKey, ApiKeyError> {
        let overlap = overlap.unwrap_or(self.policy.overlap);
        if overlap > self.policy.longest_overlap {
            return Err(ApiKeyError::Overlap);
        }
        let reauthenticated = self.verify(authority, current, EventKind::ApiKeyRotated)?;
        let random = &*self.ambient.random;
        let key = ApiKey::generate(ApiKeyId::generate(self.ambient.now(), random), random);
        let event = self.event(EventKind::ApiKeyRotated, authority);
        let told = |event, stored: &_| self.told(authority, event, stored);
        let effects = |result: &ApiKeyRotated| match result {
            ApiKeyRotated::Done { former, successor } => {
                let opened = self.seal.open(successor);
                let details = opened.map_or(Details::None, |terms| details(successor, &terms));
                told(event.clone().with(details.replacing(former.id)), successor)
            }
            ApiKeyRotated::Refused(_) => Effects::default(),
        };
        let rotated = self.store.rotate_api_key(&ApiKeyRotation {
            authority,
            reauthenticated: reauthenticated.as_ref(),
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

    /// Verifies the current credential of the owner. The operator has none.
    fn verify(
        &self,
        ApiKeyAuthority { owner, principal }: ApiKeyAuthority<'_>,
        current: Option<&ReauthenticationRequest>,
        kind: EventKind,
    ) -> Result<Option<Reauthenticated>, ApiKeyError> {
        if principal.is_operator() {
            return Ok(None);
        }
        let current = current.filter(|current| current.account == owner);
        let (Some(reauthentication), Some(current)) = (&self.reauthentication, current) else {
            return Err(ApiKeyError::NotEntitled);
        };
        Ok(Some(reauthentication.verify(current, kind, &Details::None)?))
    }

    /// The holder is told of a key that the operator did not make.
    fn told(
        &self,
        authority: ApiKeyAuthority<'_>,
        event: SecurityEvent,
        stored: &StoredApiKey,
    ) -> Effects {
        if authority.principal.is_operator() {
            return event.into();
        }
        let key = MailText::new(stored.name.as_str());
        let mail = Mail::ApiKeyCreated { address: event.origin.address, key };
        Effects::with_mail(event, authority.owner, mail, &*self.ambient.random)
    }

    fn event(
        &self,
        kind: EventKind,
        ApiKeyAuthority { owner, principal }: ApiKeyAuthority<'_>,
    ) -> SecurityEvent {
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
