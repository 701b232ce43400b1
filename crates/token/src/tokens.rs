use std::time::Duration;

use portcullis_domain::{SecretString, Timestamp};

use crate::jwt::{Issued, Signer};
use crate::key_set::SigningKey;
use crate::{
    AccessClaims, DeviceClaims, KeySet, RefreshClaims, SecretKey, TokenError, Verifier,
    VerifyingKey,
};

/// Signs and checks every kind of token, each with its own key, audience and verifier.
///
/// Signing is deterministic: equal claims give equal tokens. It trusts its caller with the times; a
/// token that would live longer than its kind's lifetime is signed, but verifies nowhere.
#[derive(Debug)]
pub struct TokenAuthority {
    access: Authority<AccessClaims>,
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

impl TokenAuthority {
    /// Derives the key of each kind from the secret.
    pub fn new(secret: &SecretKey, settings: &TokenSettings) -> Self {
        let lifetimes = settings.lifetimes;
        Self {
            access: Authority::new(secret, settings, lifetimes.access),
            refresh: Authority::new(secret, settings, lifetimes.refresh),
            device: Authority::new(secret, settings, lifetimes.device),
            lifetimes,
        }
    }

    /// Goes on to accept what was signed under a previous secret, while it is being replaced.
    #[must_use]
    pub fn accepting(mut self, previous: &SecretKey) -> Self {
        self.access.accept(previous);
        self.refresh.accept(previous);
        self.device.accept(previous);
        self
    }

    /// The lifetimes it was built with.
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// An access token with these claims.
    pub fn sign_access(&self, claims: &AccessClaims) -> SecretString {
        self.access.signer.sign(claims)
    }

    /// The claims of an access token. Whether its session was revoked is for the
    /// [`RevocationSet`](crate::RevocationSet) to say.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        self.access.verifier.verify(token, now)
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

/// Signer and verifier of one kind.
#[derive(Debug)]
struct Authority<C> {
    signer: Signer<C>,
    verifier: Verifier<C>,
}

impl<C: Issued> Authority<C> {
    fn new(secret: &SecretKey, settings: &TokenSettings, lifetime: Duration) -> Self {
        let TokenSettings { issuer, audience, .. } = settings;
        let key = secret.derive(C::PURPOSE);
        let keys = KeySet::from(VerifyingKey::hs256(&key));
        Self {
            signer: Signer::new(SigningKey::hs256(&key), issuer, audience),
            verifier: Verifier::new(keys, issuer, audience, lifetime),
        }
    }

    fn accept(&mut self, previous: &SecretKey) {
        self.verifier.accept(VerifyingKey::hs256(&previous.derive(C::PURPOSE)));
    }
}
