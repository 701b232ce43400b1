//! Signing keys: key pairs for access tokens and their rotation. Services verify without a shared
//! secret.
//!
//! A new key is published at once and signs later, when every copy of the published set has had the
//! time to show it. A replaced key stays published until the last token it signed has expired; then
//! its private half is destroyed. So the key of a valid token is always published.
//!
//! A stored key counts only if its private half opens under the secret of the server: an attacker
//! that can only write to the database cannot create a trusted key.

mod ring;
mod shared;
mod shared_record;
mod store;

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Ambient, Timestamp};
use portcullis_token::{KeyPair, KeyPairAlgorithm, SealingKey, UnsealedKey};

pub use self::ring::KeyRing;
pub use self::shared::SharedKeyState;
pub use self::store::{SharedChange, SharedRecord, SigningKeyRecord, SigningKeyStore};
use crate::StoreError;
use crate::principal::Principal;

/// The time for which a copy of the published set may be used. A key is published this long before
/// its first signature.
pub const PUBLISHED_BEFORE: Duration = Duration::from_secs(5 * 60);

/// The head start of an urgent key: within this time every node has loaded new keys.
const MIN_ACTIVATION_DELAY: Duration = Duration::from_secs(2);

/// The state of a key at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and will sign.
    Announced,
    /// Signs.
    Signing,
    /// Published for the tokens it has signed, or for an algorithm that is not configured.
    Published,
    /// Unusable: it was sealed under a secret that is not configured.
    Sealed,
    /// Retired.
    Retired,
}

impl KeyState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Announced, Self::Signing, Self::Published, Self::Sealed, Self::Retired];

    /// The name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Signing => "signing",
            Self::Published => "published",
            Self::Sealed => "sealed",
            Self::Retired => "retired",
        }
    }
}

/// The time from publishing a new key to its first signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationDelay {
    /// [`PUBLISHED_BEFORE`]: no service notices the change.
    Full,
    /// The shortest, after which all nodes know it, because the previous key may be compromised.
    /// Services must fetch a key that they do not know.
    Least,
}

/// The maximum of keys that are not retired. All of them are published, and every verifier reads them.
pub const MAX_LIVING_KEYS: u32 = 20;

/// The reason why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// [`MAX_LIVING_KEYS`] keys are not retired.
    #[error("{MAX_LIVING_KEYS} keys are not retired: retire one first")]
    TooMany,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason why a key was not retired.
#[derive(Debug, thiserror::Error)]
pub enum RetirementError {
    /// There is no key of that name.
    #[error("there is no such key")]
    Unknown,
    /// It signs, or did shortly before: a node may still issue tokens under it.
    #[error("the key signs, or did a moment ago")]
    Signing,
    /// It was retired before.
    #[error("the key has retired already")]
    Retired,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists, rotates and retires keys, for operators.
#[derive(Clone)]
pub struct SigningKeys {
    store: Arc<dyn SigningKeyStore>,
    sealing: Arc<SealingKey>,
    ambient: Ambient,
}

impl SigningKeys {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn SigningKeyStore>, sealing: SealingKey, ambient: Ambient) -> Self {
        Self { store, sealing: Arc::new(sealing), ambient }
    }

    /// All keys in the order in which they begin to sign, with their present states if nodes sign
    /// with the `configured` algorithm.
    pub fn list(
        &self,
        configured: Option<KeyPairAlgorithm>,
    ) -> Result<Vec<(SigningKeyRecord, KeyState)>, StoreError> {
        let now = self.ambient.now();
        let keys = self.store.signing_keys()?;
        let open = self.open(&keys);
        let signs = signing(&open, configured, now).map(LoadedKey::kid);
        let state = |key: &SigningKeyRecord| match key.public.kid() {
            _ if key.retired_at.is_some() => KeyState::Retired,
            kid if !open.iter().any(|open| open.kid() == kid) => KeyState::Sealed,
            kid if signs == Some(kid) => KeyState::Signing,
            _ if key.signs_from > now => KeyState::Announced,
            _ => KeyState::Published,
        };
        Ok(keys.iter().map(|key| (key.clone(), state(key))).collect())
    }

    /// Adds a key pair that follows the current one; the first of its algorithm signs at once.
    pub fn rotate(
        &self,
        algorithm: KeyPairAlgorithm,
        head_start: ActivationDelay,
        principal: &Principal,
    ) -> Result<SigningKeyRecord, RotationError> {
        if let Some(first) = self.make_first(algorithm, &self.store.signing_keys()?, principal)? {
            return Ok(first);
        }
        let head_start = match head_start {
            ActivationDelay::Full => PUBLISHED_BEFORE,
            ActivationDelay::Least => MIN_ACTIVATION_DELAY,
        };
        let key = self.make(algorithm, head_start);
        let event = self.event(EventKind::SigningKeyRotated, &key, principal);
        let is_made = self.store.insert(&key, MAX_LIVING_KEYS, &event.into())?;
        if is_made { Ok(key) } else { Err(RotationError::TooMany) }
    }

    /// Retires a key before its last token has expired, because its private half is compromised.
    /// Nodes refuse its tokens when they reload the keys, services when their copy of the published
    /// set is too old, [`PUBLISHED_BEFORE`] at the latest.
    ///
    /// The key of HS256 can be retired in the same way once another key signs.
    pub fn retire(&self, kid: &str, principal: &Principal) -> Result<(), RetirementError> {
        if let Some(outcome) = self.end_shared(kid, principal)? {
            return outcome;
        }
        let keys = self.store.signing_keys()?;
        let key = keys.iter().find(|key| key.public.kid() == kid);
        let key = key.ok_or(RetirementError::Unknown)?;
        let (open, now) = (self.open(&keys), self.ambient.now());
        // By the key's own algorithm, not the one configured here: that of the servers counts. A
        // node can be late by the maximum difference of the clocks.
        let algorithm = Some(key.public.algorithm());
        let signs_at = |time| signing(&open, algorithm, time).is_some_and(|key| key.kid() == kid);
        if signs_at(now) || signs_at(now - MIN_ACTIVATION_DELAY) {
            return Err(RetirementError::Signing);
        }
        let event = self.event(EventKind::SigningKeyRetired, key, principal);
        if self.store.retire(kid, event.at, &event.into())? {
            Ok(())
        } else {
            Err(RetirementError::Retired)
        }
    }

    /// Adds a key pair that signs from now on, unless a usable one of the algorithm exists.
    fn make_first(
        &self,
        algorithm: KeyPairAlgorithm,
        keys: &[SigningKeyRecord],
        principal: &Principal,
    ) -> Result<Option<SigningKeyRecord>, StoreError> {
        let open = self.open(keys);
        let is_open = |kid: &str| open.iter().any(|open| open.kid() == kid);
        let kids = keys.iter().map(|key| key.public.kid());
        let unusable: Vec<_> = kids.filter(|kid| !is_open(kid)).collect();
        let key = self.make(algorithm, Duration::ZERO);
        let event = self.event(EventKind::SigningKeyRotated, &key, principal);
        Ok(self.store.insert_first(&key, &unusable, &event.into())?.then_some(key))
    }

    /// The keys that are not retired and can be used with the configured secrets.
    fn open(&self, keys: &[SigningKeyRecord]) -> Vec<LoadedKey> {
        let living = keys.iter().filter(|key| key.retired_at.is_none());
        let open = |key: &SigningKeyRecord| {
            let (kid, algorithm) = (key.public.kid(), key.public.algorithm());
            let unsealed = KeyPair::unseal(kid, algorithm, &key.sealed, &self.sealing).ok()?;
            Some(LoadedKey { unsealed, signs_from: key.signs_from })
        };
        living.filter_map(open).collect()
    }

    fn make(&self, algorithm: KeyPairAlgorithm, head_start: Duration) -> SigningKeyRecord {
        let now = self.ambient.now();
        let pair = KeyPair::generate(algorithm, &*self.ambient.random);
        SigningKeyRecord {
            public: pair.public(),
            sealed: pair.seal(&self.sealing, &*self.ambient.random),
            created_at: now,
            signs_from: now + head_start,
            retired_at: None,
        }
    }

    fn event(&self, kind: EventKind, key: &SigningKeyRecord, by: &Principal) -> SecurityEvent {
        let now = self.ambient.now();
        let details = key.public.kid().parse().map_or(Details::None, |kid| Details::SigningKey {
            kid,
            algorithm: key.public.algorithm().name(),
            signs_from: Some(key.signs_from).filter(|from| *from > now),
        });
        SecurityEvent::new(kind, Outcome::Success, &by.origin, now, &*self.ambient.random)
            .by(by.actor)
            .with(details)
    }
}

/// An opened key that is not retired.
struct LoadedKey {
    unsealed: UnsealedKey,
    signs_from: Timestamp,
}

impl LoadedKey {
    fn kid(&self) -> &str {
        self.unsealed.pair.kid()
    }

    fn algorithm(&self) -> KeyPairAlgorithm {
        self.unsealed.pair.algorithm()
    }
}

/// The key that signs: of those with the algorithm, the one that began last. If none has begun,
/// because the clock of this node is behind, the one that begins first. `keys` are in that order.
fn signing<'k>(
    keys: impl IntoIterator<Item = &'k LoadedKey>,
    algorithm: Option<KeyPairAlgorithm>,
    now: Timestamp,
) -> Option<&'k LoadedKey> {
    let (begun, to_come): (Vec<_>, Vec<_>) = keys
        .into_iter()
        .filter(|key| Some(key.algorithm()) == algorithm)
        .partition(|key| key.signs_from <= now);
    begun.last().or(to_come.first()).copied()
}
