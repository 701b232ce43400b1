//! `TokenAuthority`: issues and verifies every kind of token of one server.

use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_domain::{SecretString, Timestamp};

use crate::jwt::{SignedKind, Signer};
use crate::key_set::SigningKey;
use crate::{
    AccessClaims, DeviceClaims, KeyPair, KeySet, PublicKey, RefreshClaims, SecretKey,
    SnapshotClaims, TokenError, Verifier, VerifyingKey,
};

/// Signs and verifies every kind of token. Each kind has its own audience and verifier, and a key
/// that is derived from the configured secret; access tokens can be signed with a generated key
/// pair instead.
///
/// The signatures of refresh and device tokens are deterministic: equal claims give equal tokens.
/// The caller is responsible for the times: a token with a longer lifetime than its kind allows is
/// signed, but no verifier accepts it.
#[derive(Debug)]
pub struct TokenAuthority {
    access_signers: ArcSwap<AccessSigners>,
    access: Verifier<AccessClaims>,
    /// The derived keys of access tokens: the current one, which can sign, then those of previous
    /// secrets.
    derived: KeySet,
    derived_signer: SigningKey,
    refresh: Authority<RefreshClaims>,
    device: Authority<DeviceClaims>,
    lifetimes: Lifetimes,
}

/// The common settings of the tokens of one deployment.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// The claim `iss`: the base URL of the server.
    pub issuer: String,
    /// The claim `aud` of access tokens; the other kinds add a suffix.
    pub audience: String,
    /// The lifetimes of the tokens.
    pub lifetimes: Lifetimes,
}

/// The maximum lifetime of each kind of token, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Access tokens: minutes.
    pub access: Duration,
    /// Refresh tokens: days, and never past the end of their session.
    pub refresh: Duration,
    /// Device cookies: months.
    pub device: Duration,
}

/// The keys of access tokens in use at one moment. The signing key is always accepted.
#[derive(Clone, Debug, Default)]
pub struct AccessKeys {
    /// Signs; `None` for HS256 under the derived key.
    pub signing: Option<KeyPair>,
    /// The generated keys that are accepted.
    pub verifying: Vec<PublicKey>,
    /// The accepted derived keys, by the names of [`TokenAuthority::shared_kids`]. Every service
    /// that received the shared secret can sign with them.
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

    /// Also accepts tokens that were signed under a previous secret, during its replacement. Call
    /// it before [`TokenAuthority::use_access_keys`].
    #[must_use]
    pub fn accepting(mut self, previous: &SecretKey) -> Self {
        let key = VerifyingKey::hs256(&previous.derive(AccessClaims::PURPOSE));
        self.derived = self.derived.clone().with(key);
        self.access.replace_keys(self.derived.clone());
        self.refresh.accept(previous);
        self.device.accept(previous);
        self
    }

    /// Caches verified signatures of access tokens, as [`Verifier::remembering`] does.
    #[must_use]
    pub fn remembering(self, tokens: usize) -> Self {
        Self { access: self.access.remembering(tokens), ..self }
    }

    /// Replaces the keys that sign and verify access tokens. Until the first call, every derived
    /// key is accepted. During the change, every token that is signed is also accepted.
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

    /// The names of the derived keys: first the current one, which can sign, then those of previous
    /// secrets.
    pub fn shared_kids(&self) -> Vec<String> {
        self.derived.iter().filter_map(VerifyingKey::kid).map(str::to_owned).collect()
    }

    /// The claim `iss` of all tokens.
    pub fn issuer(&self) -> &str {
        self.access.issuer()
    }

    /// The claim `aud` of access tokens.
    pub fn audience(&self) -> &str {
        self.access.audience()
    }

    /// The configured lifetimes.
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Issues an access token with these claims.
    pub fn sign_access(&self, claims: &AccessClaims) -> SecretString {
        self.access_signers.load().access.sign(claims)
    }

    /// Verifies an access token and returns its claims. The [`RevocationSet`](crate::RevocationSet)
    /// must be checked separately.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        self.access.verify(token, now)
    }

    /// Returns the claims of an access token that is valid, or was valid until it expired. Use it
    /// only to sign out.
    pub fn verify_expired_access(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, TokenError> {
        self.access.verify_expired(token, now)
    }

    /// Returns the claims of a refresh token that is valid, or was valid until it expired.
    pub fn verify_expired_refresh(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<RefreshClaims, TokenError> {
        self.refresh.verifier.verify_expired(token, now)
    }

    /// Signs the last line of a snapshot with the current key of access tokens. Services verify it
    /// with their own [`Verifier`].
    pub fn sign_snapshot(&self, claims: &SnapshotClaims) -> SecretString {
        self.access_signers.load().snapshot.sign(claims)
    }

    /// Issues a refresh token with these claims.
    pub fn sign_refresh(&self, claims: &RefreshClaims) -> SecretString {
        self.refresh.signer.sign(claims)
    }

    /// Verifies a refresh token and returns its claims. The database records whether it was used.
    pub fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        self.refresh.verifier.verify(token, now)
    }

    /// Issues a device cookie with these claims.
    pub fn sign_device(&self, claims: &DeviceClaims) -> SecretString {
        self.device.signer.sign(claims)
    }

    /// Verifies a device cookie and returns its claims. Compare its subject with the account that
    /// signs in.
    pub fn verify_device(&self, token: &str, now: Timestamp) -> Result<DeviceClaims, TokenError> {
        self.device.verifier.verify(token, now)
    }
}

/// The signers of the tokens that other services verify, under one key.
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

/// Signer and verifier of a kind that only this server reads.
#[derive(Debug)]
struct Authority<C> {
    signer: Signer<C>,
    verifier: Verifier<C>,
    keys: KeySet,
}

impl<C: SignedKind> Authority<C> {
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
