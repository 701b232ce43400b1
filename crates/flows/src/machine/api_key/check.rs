//! The check of an API key: its terms and its owner, at most [`ApiKeyChecks::MAX_AGE`] behind the database.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portcullis_access::Scope;
use portcullis_domain::{Account, AccountKind, ApiKeyId, Clock, Timestamp};
use portcullis_token::ApiKey;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{ApiKeyRefusal, ApiKeySeal, ApiKeyStore, ApiKeyTerms, ApiKeyUses};
use crate::StoreError;
use crate::machine::api_key::usage::KeyUses;
use crate::sign_in::network_policy::NetworkPolicy;

/// Checks API keys. A key that is used often never waits for the database.
pub struct ApiKeyChecks {
    store: Arc<dyn ApiKeyStore>,
    seal: ApiKeySeal,
    known: Cache<ApiKeyId, Arc<KnownApiKey>, ByWeight>,
    uses: Arc<ApiKeyUses>,
    networks: NetworkPolicy,
    clock: Arc<dyn Clock>,
}

/// A key as it was read, with its owner.
struct KnownApiKey {
    id: ApiKeyId,
    created_at: Timestamp,
    terms: ApiKeyTerms,
    owner: Account,
    /// The begin of the read, on the monotonic clock.
    read_at: Duration,
    /// True once a caller has begun its renewal.
    is_renewed: AtomicBool,
    uses: Arc<KeyUses>,
}

/// An accepted key.
#[derive(Clone)]
pub struct CheckedApiKey(Arc<KnownApiKey>);

impl CheckedApiKey {
    /// The id of the key.
    pub fn id(&self) -> ApiKeyId {
        self.0.id
    }

    /// Its scope.
    pub fn scope(&self) -> &Arc<Scope> {
        &self.0.terms.scope
    }

    /// Its owner.
    pub fn owner(&self) -> &Account {
        &self.0.owner
    }

    /// The time of its creation.
    pub fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// The end of its life.
    pub fn expires_at(&self) -> Timestamp {
        self.0.terms.expires_at
    }

    /// True if the owner can only change its password. A service account has none.
    pub fn password_must_change(&self) -> bool {
        let owner = self.owner();
        owner.password_must_change && owner.kind != AccountKind::Service
    }
}

impl ApiKeyChecks {
    /// The maximum lag behind a change: half the bound that holds for revocation, so that it holds between
    /// two nodes too.
    pub const MAX_AGE: Duration = Duration::from_millis(500);

    /// The maximum lag while the database does not answer.
    const MAX_AGE_WITHOUT_DATABASE: Duration = Duration::from_secs(10 * 60);

    /// Creates the use case from its dependencies. It keeps the keys that were used lately, in 32 MiB at most.
    pub fn new(
        store: Arc<dyn ApiKeyStore>,
        seal: ApiKeySeal,
        uses: Arc<ApiKeyUses>,
        networks: NetworkPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let known = Cache::with_weighter(USUAL_KEYS, MAX_BYTES, ByWeight);
        Self { store, seal, known, uses, networks, clock }
    }

    /// Checks without waiting; `None` if the database must be asked, by [`read`](Self::read). Without the
    /// address of the client, a key that is bound to networks is outside of them.
    pub fn recent(
        &self,
        key: &ApiKey,
        address: Option<IpAddr>,
    ) -> Option<Result<CheckedApiKey, ApiKeyRefusal>> {
        let known = self.known.get(&key.id())?;
        let age = self.clock.monotonic().saturating_sub(known.read_at);
        // One caller renews it early, the others go on with what is known.
        let is_due = age >= Self::MAX_AGE / 2 && !known.is_renewed.swap(true, Ordering::Relaxed);
        let is_current = age < Self::MAX_AGE && !is_due;
        is_current.then(|| self.judge(known, key, address))
    }

    /// Checks by the database. Blocks. While it does not answer, a key that was used in the last ten minutes
    /// is known.
    ///
    /// # Errors
    ///
    /// If the database fails and the key is not known.
    pub fn read(
        &self,
        key: &ApiKey,
        address: Option<IpAddr>,
    ) -> Result<Result<CheckedApiKey, ApiKeyRefusal>, StoreError> {
        let read_at = self.clock.monotonic();
        let found = match self.store.api_key(key.id()) {
            Ok(found) => found,
            Err(error) => {
                let age = |known: &Arc<KnownApiKey>| read_at.saturating_sub(known.read_at);
                let known = self.known.get(&key.id());
                let known = known.filter(|known| age(known) < Self::MAX_AGE_WITHOUT_DATABASE);
                return Ok(self.judge(known.ok_or(error)?, key, address));
            }
        };
        let opened = found
            .and_then(|(stored, owner)| Some((self.seal.open(&stored)?, stored.created_at, owner)));
        let Some((terms, created_at, owner)) = opened else {
            self.known.remove(&key.id());
            return Ok(Err(ApiKeyRefusal::Unknown));
        };
        let uses = self.uses.of(key.id(), owner.id);
        let is_renewed = AtomicBool::new(false);
        let id = key.id();
        let known = KnownApiKey { id, created_at, terms, owner, read_at, is_renewed, uses };
        let known = Arc::new(known);
        self.known.insert(key.id(), Arc::clone(&known));
        Ok(self.judge(known, key, address))
    }

    /// Forgets a key on this node, after a change.
    pub fn forget(&self, id: ApiKeyId) {
        self.known.remove(&id);
    }

    /// Judges, and counts the use of a key that is shown to be known.
    fn judge(
        &self,
        known: Arc<KnownApiKey>,
        key: &ApiKey,
        address: Option<IpAddr>,
    ) -> Result<CheckedApiKey, ApiKeyRefusal> {
        // The digest is compared first, so that no other refusal tells a guesser that the id exists.
        if known.terms.digest != key.digest() {
            return Err(ApiKeyRefusal::Unknown);
        }
        let now = self.clock.now();
        let KnownApiKey { terms, owner, .. } = &*known;
        let is_in_list = address.is_some_and(|address| terms.networks.contains(address));
        let is_inside =
            (terms.networks.is_empty() || is_in_list) && self.networks.admits(owner, address);
        let is_live = owner.is_active && !owner.is_blocked && owner.kind != AccountKind::User;
        let refusal = if terms.expires_at <= now {
            Some(ApiKeyRefusal::Expired)
        } else if !is_live {
            Some(ApiKeyRefusal::OwnerInactive)
        } else if !is_inside {
            Some(ApiKeyRefusal::OutsideNetworks)
        } else {
            None
        };
        known.uses.count(refusal, address, now);
        refusal.map_or(Ok(CheckedApiKey(known)), Err)
    }
}

/// Weighs a key by its bytes, roughly.
#[derive(Clone)]
struct ByWeight;

impl Weighter<ApiKeyId, Arc<KnownApiKey>> for ByWeight {
    fn weight(&self, _: &ApiKeyId, key: &Arc<KnownApiKey>) -> u64 {
        const PAIR: usize = 64;
        const NETWORK: usize = 32;
        let texts = key.terms.scope.items().len() * PAIR;
        let networks = key.terms.networks.networks().len();
        let networks = networks + key.owner.allowed_networks.networks().len();
        let bytes = size_of::<KnownApiKey>() + texts + networks * NETWORK + ACCOUNT;
        bytes.try_into().unwrap_or(u64::MAX)
    }
}

/// Bytes of all known keys.
const MAX_BYTES: u64 = 32 << 20;

/// The number of keys that the cache has room for from the beginning.
const USUAL_KEYS: usize = 1_000;

/// Bytes of the texts of an account, at most.
const ACCOUNT: usize = 1_024;
