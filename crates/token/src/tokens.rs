use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_domain::{SecretString, Timestamp};

use crate::jwt::{Issued, Signer};
use crate::key_set::SigningKey;
use crate::{
    AccessClaims, DeviceClaims, KeyPair, KeySet, PublicKey, RefreshClaims, SecretKey,
    SnapshotClaims, TokenError, Verifier, VerifyingKey,
};

/// Signs and checks every kind of token, each with its own audience and verifier, and with keys that
/// grow from the one secret; access tokens can be signed with a generated key pair instead.
///
/// Signing refresh and device tokens is deterministic: equal claims give equal tokens. It trusts its
/// caller with the times; a token that would live longer than its kind's lifetime is signed, but
/// verifies nowhere.
#[derive(Debug)]
pub struct TokenAuthority {
    access_signers: ArcSwap<AccessSigners>,
    access: Verifier<AccessClaims>,
    /// The derived keys of access tokens: the one that can sign, then those of previous secrets.
    derived: KeySet,
    derived_signer: SigningKey,
    refresh: Authority<RefreshClaims>,
    device: Authority<DeviceClaims>,
    lifetimes: Lifetimes,
}

/// What the tokens of one deployment have in common.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// The claim `iss`: the base URL of the server.
    pub issuer: String,
    /// The claim `aud` of access tokens; the other kinds add a suffix.
    pub audience: String,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
}

/// How long each kind of token lives at most, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Access tokens: minutes.
    pub access: Duration,
    /// Refresh tokens: days, and never past the end of their session.
    pub refresh: Duration,
    /// Device cookies: months.
    pub device: Duration,
}

/// The keys of access tokens that are in use at one moment. The one that signs is always accepted.
#[derive(Clone, Debug, Default)]
pub struct AccessKeys {
    /// Signs; `None` for HS256 under the derived key.
    pub signing: Option<KeyPair>,
    /// The generated keys that are accepted.
    pub verifying: Vec<PublicKey>,
    /// The derived keys that are accepted, by the names of [`TokenAuthority::shared_kids`]. Whoever was
    /// given the shared secret can sign with them.
    pub shared: Vec<String>,
}

impl TokenAuthority {
    /// Derives the key of each kind from the secret.
    pub fn new(secret: &SecretKey, settings: &TokenSettings) -> Self {
        let TokenSettings { issuer, audience, lifetimes } = settings;
        let key = secret.derive(AccessClaims::PURPOSE);
        let derived = KeySet::from(VerifyingKey::hs256(&key));
        let derived_signer = SigningKey::hs256(&key);
        let signers = AccessSigners::new(&derived_signer, issuer, audience);
        Self {
            access_signers: ArcSwap::from_pointee(signers),
            access: Verifier::new(derived.clone(), issuer, audience, lifetimes.access),
            derived,
            derived_signer,
            refresh: Authority::new(secret, settings, lifetimes.refresh),
            device: Authority::new(secret, settings, lifetimes.device),
            lifetimes: *lifetimes,
        }
    }

    /// Goes on to accept what was signed under a previous secret, while it is being replaced. Comes
    /// before [`TokenAuthority::use_access_keys`].
    #[must_use]
    pub fn accepting(mut self, previous: &SecretKey) -> Self {
        let key = VerifyingKey::hs256(&previous.derive(AccessClaims::PURPOSE));
        self.derived = self.derived.clone().with(key);
        self.access.replace_keys(self.derived.clone());
        self.refresh.accept(previous);
        self.device.accept(previous);
        self
    }

    /// Verifies the signature of an access token once, as [`Verifier::remembering`] says.
    #[must_use]
    pub fn remembering(self, tokens: usize) -> Self {
        Self { access: self.access.remembering(tokens), ..self }
    }

    /// Signs and accepts access tokens with these keys from now on, and with no others. Until the
    /// first call it accepts every derived key. What it signs it accepts at every moment of the
    /// change.
    pub fn use_access_keys(&self, keys: AccessKeys) {
        let AccessKeys { signing, verifying, shared } = keys;
        let is_accepted = |key: &&VerifyingKey| {
            let kid = key.kid().unwrap_or_default();
            let signs = signing.is_none() && kid == self.derived_signer.kid();
            signs || shared.iter().any(|accepted| accepted == kid)
        };
        let derived: KeySet = self.derived.iter().filter(is_accepted).cloned().collect();
        let own = signing.as_ref().map(KeyPair::public);
        let accepted = verifying.into_iter().chain(own).map(VerifyingKey::from);
        self.access.replace_keys(accepted.fold(derived, KeySet::with));
        let signer = signing.as_ref().map_or_else(|| self.derived_signer.clone(), SigningKey::from);
        let signers = AccessSigners::new(&signer, self.issuer(), self.audience());
        self.access_signers.store(signers.into());
    }

    /// The names of the derived keys: first the one that can sign, then those of previous secrets.
    pub fn shared_kids(&self) -> Vec<String> {
        self.derived.iter().filter_map(VerifyingKey::kid).map(str::to_owned).collect()
    }

    /// The claim `iss` of all its tokens.
    pub fn issuer(&self) -> &str {
        self.access.issuer()
    }

    /// The claim `aud` of its access tokens.
    pub fn audience(&self) -> &str {
        self.access.audience()
    }

    /// The lifetimes it was built with.
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// An access token with these claims.
    pub fn sign_access(&self, claims: &AccessClaims) -> SecretString {
        self.access_signers.load().access.sign(claims)
    }

    /// The claims of an access token. Whether it was revoked is for the
    /// [`RevocationSet`](crate::RevocationSet) to say.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        self.access.verify(token, now)
    }

    /// The claims of an access token that holds, or did until it expired: enough to sign out with, and
    /// for nothing else.
    pub fn verify_expired_access(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, TokenError> {
        self.access.verify_expired(token, now)
    }

    /// The claims of a refresh token that holds, or did until it expired.
    pub fn verify_expired_refresh(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<RefreshClaims, TokenError> {
        self.refresh.verifier.verify_expired(token, now)
    }

    /// The last line of a snapshot, signed with the key that signs access tokens at the moment. It
    /// is for others to check, with a [`Verifier`] of their own.
    pub fn sign_snapshot(&self, claims: &SnapshotClaims) -> SecretString {
        self.access_signers.load().snapshot.sign(claims)
    }

    /// A refresh token with these claims.
    pub fn sign_refresh(&self, claims: &RefreshClaims) -> SecretString {
        self.refresh.signer.sign(claims)
    }

    /// The claims of a refresh token. Whether it was used already is for the database to say.
    pub fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        self.refresh.verifier.verify(token, now)
    }

    /// The cookie of a device with these claims.
    pub fn sign_device(&self, claims: &DeviceClaims) -> SecretString {
        self.device.signer.sign(claims)
    }

    /// The claims of a device's cookie. Compare its subject with the account that is signing in.
    pub fn verify_device(&self, token: &str, now: Timestamp) -> Result<DeviceClaims, TokenError> {
        self.device.verifier.verify(token, now)
    }
}

/// What is signed for others to check, under one key.
#[derive(Debug)]
struct AccessSigners {
    access: Signer<AccessClaims>,
    snapshot: Signer<SnapshotClaims>,
}

impl AccessSigners {
    fn new(key: &SigningKey, issuer: &str, audience: &str) -> Self {
        Self {
            access: Signer::new(key.clone(), issuer, audience),
            snapshot: Signer::new(key.clone(), issuer, audience),
        }
    }
}

/// Signer and verifier of a kind that nobody else reads.
#[derive(Debug)]
struct Authority<C> {
    signer: Signer<C>,
    verifier: Verifier<C>,
    keys: KeySet,
}

impl<C: Issued> Authority<C> {
    fn new(secret: &SecretKey, settings: &TokenSettings, lifetime: Duration) -> Self {
        let TokenSettings { issuer, audience, .. } = settings;
        let key = secret.derive(C::PURPOSE);
        let keys = KeySet::from(VerifyingKey::hs256(&key));
        Self {
            signer: Signer::new(SigningKey::hs256(&key), issuer, audience),
            verifier: Verifier::new(keys.clone(), issuer, audience, lifetime),
            keys,
        }
    }

    fn accept(&mut self, previous: &SecretKey) {
        let key = VerifyingKey::hs256(&previous.derive(C::PURPOSE));
        self.keys = self.keys.clone().with(key);
        self.verifier.replace_keys(self.keys.clone());
    }
}
