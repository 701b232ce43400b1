//! The keys of one node: the key that signs, and the keys that are published and accepted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_audit::EventKind;
use portcullis_domain::Timestamp;
use portcullis_token::{
    AccessKeys, JsonWebKeySet, KeyPair, KeyPairAlgorithm, LEEWAY, PublicKey, TokenAuthority,
};

use super::shared::{Hs256Node, SharedKeyState, SharedKeys};
use super::shared_record::SharedFloor;
use super::{LoadedKey, MIN_ACTIVATION_DELAY, SigningKeyRecord, SigningKeys, signing};
use crate::StoreError;
use crate::principal::Principal;

/// Follows all changes of keys by other nodes and operators, for one node.
pub struct KeyRing {
    keys: SigningKeys,
    authority: Arc<TokenAuthority>,
    algorithm: Option<KeyPairAlgorithm>,
    in_use: ArcSwap<ActiveKeys>,
    shared: Mutex<Shared>,
    started_at: Timestamp,
}

#[derive(Default)]
struct ActiveKeys {
    access: AccessKeys,
    published: Arc<JsonWebKeySet>,
    /// True if the authority has its keys: before that it accepts every derived key.
    has_begun: bool,
}

/// The node's state of HS256 since its start.
#[derive(Default)]
struct Shared {
    /// The accepted keys, each with its end.
    accepted: Vec<(String, Timestamp)>,
    /// The last change of the stored record.
    changed_at: Option<Timestamp>,
    /// The latest time of the database, and the monotonic time of that moment. Neither a clock that
    /// is set back nor an unavailable database prolongs the life of a key.
    time: Option<(Timestamp, Duration)>,
}

impl KeyRing {
    /// Creates a ring that makes the authority sign with the key pairs of this algorithm; without
    /// one the authority signs with HS256 under the secret, and key pairs only verify.
    ///
    /// Seals under the current secret what was sealed under the previous one, and creates the first
    /// key pair if there is none. This is the only way to an authority whose keys are known.
    pub fn start(
        keys: SigningKeys,
        authority: TokenAuthority,
        algorithm: Option<KeyPairAlgorithm>,
        principal: &Principal,
    ) -> Result<Self, StoreError> {
        let in_use = ArcSwap::from_pointee(ActiveKeys::default());
        let (started_at, authority) = (keys.ambient.now(), Arc::new(authority));
        let ring =
            Self { keys, authority, algorithm, in_use, shared: Mutex::default(), started_at };
        ring.begin(principal)?;
        Ok(ring)
    }

    /// The authority that signs and verifies access tokens with these keys.
    pub const fn authority(&self) -> &Arc<TokenAuthority> {
        &self.authority
    }

    /// The algorithm of the key pairs that sign; `None` for HS256.
    pub const fn algorithm(&self) -> Option<KeyPairAlgorithm> {
        self.algorithm
    }

    /// The start of the node.
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The operations of operators on the keys.
    pub const fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// The public keys for the tokens of all nodes.
    pub fn published(&self) -> Arc<JsonWebKeySet> {
        Arc::clone(&self.in_use.load().published)
    }

    fn begin(&self, principal: &Principal) -> Result<(), StoreError> {
        let stored = self.keys.store.signing_keys()?;
        for key in self.keys.open(&stored).iter().filter(|key| key.unsealed.by_previous) {
            let before = stored.iter().find(|stored| stored.public.kid() == key.kid());
            let before = before.map(|stored| stored.sealed.as_slice()).unwrap_or_default();
            let after = key.unsealed.pair.seal(&self.keys.sealing, &*self.keys.ambient.random);
            self.keys.store.reseal(key.kid(), before, &after)?;
            tracing::info!(kid = key.kid(), "sealed a signing key under the new secret key");
        }
        self.follow_shared(principal, true)?;
        self.follow_pairs(principal)
    }

    /// Applies changes from the database and from the passage of time, and retires the keys whose
    /// last token has expired. Keys of HS256 end on time even if the database is unavailable.
    pub fn follow(&self, principal: &Principal) -> Result<(), StoreError> {
        let outcome =
            self.follow_shared(principal, false).and_then(|()| self.follow_pairs(principal));
        if outcome.is_err() {
            self.accept_no_longer_than_due();
        }
        outcome
    }

    fn follow_shared(&self, principal: &Principal, is_starting: bool) -> Result<(), StoreError> {
        let known = self.authority.shared_kids();
        let node = Hs256Node {
            signing: known.first().filter(|_| self.algorithm.is_none()).map(String::as_str),
            known: &known,
            life: self.authority.lifetimes().access + LEEWAY,
            is_starting,
        };
        let monotonic = self.keys.ambient.clock.monotonic();
        let floor = self.shared().floor(monotonic);
        let (keys, now) = self.keys.follow_shared(&node, floor.as_ref(), principal)?;
        let mut shared = self.shared();
        shared.time = Some((now, monotonic));
        shared.changed_at = shared.changed_at.max(keys.as_ref().map(SharedKeys::changed_at));
        let accepted = |(kid, state): (&str, SharedKeyState)| match state {
            SharedKeyState::AcceptedUntil(until) if until >= now => Some((kid.to_owned(), until)),
            _ => None,
        };
        shared.accepted = keys.iter().flat_map(SharedKeys::states).filter_map(accepted).collect();
        Ok(())
    }

    /// Drops the keys of HS256 that have ended, by the monotonic clock.
    fn accept_no_longer_than_due(&self) {
        let mut shared = self.shared();
        let Some(floor) = shared.floor(self.keys.ambient.clock.monotonic()) else { return };
        let before = shared.accepted.len();
        shared.accepted.retain(|(_, until)| *until >= floor.time);
        if shared.accepted.len() < before {
            let in_use = self.in_use.load();
            let access = AccessKeys { shared: shared.kids(), ..in_use.access.clone() };
            self.authority.use_access_keys(access.clone());
            let published = Arc::clone(&in_use.published);
            self.in_use.store(Arc::new(ActiveKeys { access, published, has_begun: true }));
        }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow_pairs(&self, principal: &Principal) -> Result<(), StoreError> {
        let now = self.keys.ambient.now();
        let (stored, open) = self.read(principal, now)?;
        let (outlived, living): (Vec<_>, Vec<_>) =
            open.iter().partition(|key| self.is_outlived(key, &open, now));
        self.take_over(&living, now);
        let is_outlived =
            |key: &&SigningKeyRecord| outlived.iter().any(|old| old.kid() == key.public.kid());
        for key in stored.iter().filter(is_outlived) {
            let event = self.keys.event(EventKind::SigningKeyRetired, key, principal);
            if self.keys.store.retire(key.public.kid(), event.at, &event.into())? {
                tracing::info!(kid = key.public.kid(), "a signing key has retired");
            }
        }
        Ok(())
    }

    /// The stored keys, and those that can be used, including one that signs.
    fn read(
        &self,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<(Vec<SigningKeyRecord>, Vec<LoadedKey>), StoreError> {
        let stored = self.keys.store.signing_keys()?;
        let open = self.keys.open(&stored);
        match self.algorithm {
            Some(algorithm) if signing(&open, self.algorithm, now).is_none() => {
                // Another node may be first: the stored key counts.
                self.keys.make_first(algorithm, &stored, principal)?;
                let stored = self.keys.store.signing_keys()?;
                let open = self.keys.open(&stored);
                Ok((stored, open))
            }
            _ => Ok((stored, open)),
        }
    }

    /// True if a newer key has signed for so long that no token of this one can be valid. A key of
    /// an algorithm that is no longer configured may have signed until this node was started.
    fn is_outlived(&self, key: &LoadedKey, keys: &[LoadedKey], now: Timestamp) -> bool {
        // By then every node signs with the newer key.
        let patience = self.authority.lifetimes().access + LEEWAY + MIN_ACTIVATION_DELAY;
        keys.iter().filter(|newer| newer.signs_from > key.signs_from).any(|newer| {
            let signs_since = if newer.algorithm() == key.algorithm() {
                newer.signs_from
            } else if Some(newer.algorithm()) == self.algorithm {
                newer.signs_from.max(self.started_at)
            } else {
                return false;
            };
            now > signs_since + patience
        })
    }

    fn take_over(&self, keys: &[&LoadedKey], now: Timestamp) {
        let signing = signing(keys.iter().copied(), self.algorithm, now);
        let kid = signing.map(LoadedKey::kid);
        let shared = self.shared().kids();
        let in_use = self.in_use.load();
        let published = in_use.published.keys().iter().map(PublicKey::kid);
        if in_use.access.signing.as_ref().map(KeyPair::kid) == kid
            && in_use.access.shared == shared
            && published.eq(keys.iter().map(|key| key.kid()))
            && in_use.has_begun
        {
            return;
        }
        let verifying: Vec<_> = keys.iter().map(|key| key.unsealed.pair.public()).collect();
        let published = Arc::new(JsonWebKeySet::new(verifying.iter().cloned()));
        let signing = signing.map(|key| key.unsealed.pair.clone());
        let access = AccessKeys { signing, verifying, shared };
        self.authority.use_access_keys(access.clone());
        tracing::info!(kid, published = keys.len(), "took over the signing keys");
        self.in_use.store(Arc::new(ActiveKeys { access, published, has_begun: true }));
    }
}

impl Shared {
    fn kids(&self) -> Vec<String> {
        self.accepted.iter().map(|(kid, _)| kid.clone()).collect()
    }

    fn floor(&self, monotonic: Duration) -> Option<SharedFloor> {
        let (time, then) = self.time?;
        let time = time + monotonic.saturating_sub(then);
        Some(SharedFloor { changed_at: self.changed_at, time })
    }
}
