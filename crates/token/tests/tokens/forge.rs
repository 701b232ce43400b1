//! Tokens with right keys and wrong content, made without the code under test.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use portcullis_domain::{
    AccountId, AccountKind, AssuranceLevel, ExposeSecret, FactorEpoch, PasswordEpoch, Role,
    SecretString, SessionId, SystemRandom, Timestamp, TokenId,
};
use portcullis_token::{
    AccessClaims, AuthenticationMethod, DeviceClaims, DeviceId, Lifetimes, Purpose, RefreshClaims,
    SecretKey, TokenAuthority, TokenError, TokenSettings,
};
use serde_json::{Map, Value};
use sha2::Sha256;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) const KINDS: [Kind; 3] = [Kind::Access, Kind::Refresh, Kind::Device];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Access,
    Refresh,
    Device,
}

impl Kind {
    pub(crate) fn key(self) -> [u8; 32] {
        secret().derive(match self {
            Self::Access => Purpose::AccessToken,
            Self::Refresh => Purpose::RefreshToken,
            Self::Device => Purpose::DeviceToken,
        })
    }

    pub(crate) const fn lifetime(self) -> Duration {
        match self {
            Self::Access => LIFETIMES.access,
            Self::Refresh => LIFETIMES.refresh,
            Self::Device => LIFETIMES.device,
        }
    }
}

const LIFETIMES: Lifetimes = Lifetimes {
    access: Duration::from_mins(30),
    refresh: Duration::from_hours(7 * 24),
    device: Duration::from_hours(180 * 24),
};

pub(crate) fn secret() -> SecretKey {
    SecretKey::parse(&SecretString::from("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU")).unwrap()
}

pub(crate) fn another_secret() -> SecretKey {
    SecretKey::parse(&SecretString::from("mXn5cRt9yHs1dGpJ4aUf83kQz0v7LwB2")).unwrap()
}

pub(crate) fn settings() -> TokenSettings {
    TokenSettings {
        issuer: "https://auth.example.test".to_owned(),
        audience: "api".to_owned(),
        lifetimes: LIFETIMES,
    }
}

pub(crate) fn access_claims() -> AccessClaims {
    AccessClaims {
        subject: AccountId::generate(NOW, &SystemRandom),
        session: SessionId::generate(NOW, &SystemRandom),
        token: TokenId::generate(NOW, &SystemRandom),
        issued_at: NOW,
        expires_at: NOW + LIFETIMES.access,
        role: Role::parse("clinical_staff").unwrap(),
        kind: AccountKind::User,
        assurance: AssuranceLevel::Aal1,
        authentication_methods: vec![AuthenticationMethod::Password],
        authenticated_at: NOW,
        password_must_change: false,
        factor_required: false,
        networks: None,
    }
}

pub(crate) fn refresh_claims() -> RefreshClaims {
    RefreshClaims {
        subject: AccountId::generate(NOW, &SystemRandom),
        session: SessionId::generate(NOW, &SystemRandom),
        token: TokenId::generate(NOW, &SystemRandom),
        issued_at: NOW,
        expires_at: NOW + LIFETIMES.refresh,
    }
}

pub(crate) fn device_claims() -> DeviceClaims {
    DeviceClaims {
        subject: AccountId::generate(NOW, &SystemRandom),
        device: DeviceId::generate(&SystemRandom),
        epoch: PasswordEpoch::FIRST,
        factors: FactorEpoch::FIRST,
        generation: 1,
        issued_at: NOW,
        expires_at: NOW + LIFETIMES.device,
    }
}

pub(crate) fn sign(authority: &TokenAuthority, kind: Kind) -> String {
    let token = match kind {
        Kind::Access => authority.sign_access(&access_claims()),
        Kind::Refresh => authority.sign_refresh(&refresh_claims()),
        Kind::Device => authority.sign_device(&device_claims()),
    };
    token.expose_secret().to_owned()
}

pub(crate) fn verify(
    authority: &TokenAuthority,
    kind: Kind,
    token: &str,
    now: Timestamp,
) -> Result<(), TokenError> {
    match kind {
        Kind::Access => authority.verify_access(token, now).map(drop),
        Kind::Refresh => authority.verify_refresh(token, now).map(drop),
        Kind::Device => authority.verify_device(token, now).map(drop),
    }
}

pub(crate) fn claims_of(token: &str) -> Map<String, Value> {
    part(token, 1)
}

/// A token of its kind, to be changed before it is signed again.
pub(crate) struct Forgery {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) key: [u8; 32],
}

impl Forgery {
    pub(crate) fn of(authority: &TokenAuthority, kind: Kind) -> Self {
        Self::from_token(&sign(authority, kind), kind.key())
    }

    /// A token to be changed before it is signed with that key.
    pub(crate) fn from_token(token: &str, key: [u8; 32]) -> Self {
        Self { header: part(token, 0), claims: part(token, 1), key }
    }

    pub(crate) fn token(&self) -> String {
        self.token_signed_by(|message| hmac_sha256(&self.key, message))
    }

    pub(crate) fn token_signed_by(&self, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let encode = |map| URL_SAFE_NO_PAD.encode(serde_json::to_vec(map).unwrap());
        let signed = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let signature = sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn part(token: &str, index: usize) -> Map<String, Value> {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}
