//! Test tokens, as the authentication server issues them.

use std::time::Duration;

use portcullis_guard::domain::{
    AccountId, AccountKind, AssuranceLevel, Clock, ExposeSecret, Role, SecretString, SessionId,
    SystemRandom, Timestamp, TokenId,
};
use portcullis_guard::token::{AccessClaims, Lifetimes, SecretKey, TokenAuthority, TokenSettings};

pub(crate) const SECRET: &str = "f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU";
pub(crate) const ISSUER: &str = "https://auth.example.org";
pub(crate) const AUDIENCE: &str = "example-api";
pub(crate) const LIFETIME: Duration = Duration::from_secs(1_800);
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A clock that stands still.
pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn account() -> AccountId {
    AccountId::generate(NOW, &SystemRandom)
}

/// An access token as the server issues it.
pub(crate) fn of(account: AccountId, role: &str) -> String {
    signed(&claims(account, role))
}

pub(crate) fn signed(claims: &AccessClaims) -> String {
    text(&authority(SECRET, ISSUER, AUDIENCE).sign_access(claims))
}

pub(crate) fn claims(account: AccountId, role: &str) -> AccessClaims {
    AccessClaims {
        subject: account,
        session: SessionId::generate(NOW, &SystemRandom),
        token: TokenId::generate(NOW, &SystemRandom),
        issued_at: NOW,
        expires_at: NOW + LIFETIME,
        role: Role::parse(role).unwrap(),
        kind: AccountKind::User,
        assurance: AssuranceLevel::Aal1,
        authentication_methods: Vec::new(),
        authenticated_at: NOW,
        password_must_change: false,
        factor_required: false,
        networks: None,
    }
}

pub(crate) fn authority(secret: &str, issuer: &str, audience: &str) -> TokenAuthority {
    let lifetimes = Lifetimes { access: LIFETIME, refresh: LIFETIME, device: LIFETIME };
    let settings =
        TokenSettings { issuer: issuer.to_owned(), audience: audience.to_owned(), lifetimes };
    TokenAuthority::new(&SecretKey::parse(&SecretString::from(secret)).unwrap(), &settings)
}

pub(crate) fn text(token: &SecretString) -> String {
    token.expose_secret().to_owned()
}
