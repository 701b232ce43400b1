//! Claims of the device cookie: this browser has signed in to this account before.

use std::fmt;
use std::str::FromStr;

use portcullis_domain::{AccountId, FactorEpoch, PasswordEpoch, SecureRandom, Timestamp};
use serde::Serialize;

use crate::jwt::{Kind, SignedKind};
use crate::payload::{Text, payload};
use crate::{Purpose, TokenError, base64url};

/// The claims of a device cookie: this browser has signed in to this account before. It grants no
/// access; it only selects a lockout counter that other clients cannot exhaust.
///
/// Times have whole seconds in the token; fractions are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceClaims {
    /// The account of the sign-in; the claim `sub`.
    pub subject: AccountId,
    /// The device; the claim `jti`.
    pub device: DeviceId,
    /// The epoch of the password that was verified; the claim `epoch`. After a password change the
    /// cookie is invalid.
    pub epoch: PasswordEpoch,
    /// The epoch of the second factors; the claim `factors`. After the removal of a factor the cookie is
    /// invalid.
    pub factors: FactorEpoch,
    /// The number of the cookie among those of the device; the claim `generation`.
    pub generation: u32,
    /// The claim `iat`.
    pub issued_at: Timestamp,
    /// The claim `exp`.
    pub expires_at: Timestamp,
}

/// The id of a device: 128 random bits, 22 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId([u8; 16]);

impl DeviceId {
    /// Generates an id.
    pub fn generate(random: &dyn SecureRandom) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Wraps a stored id.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl FromStr for DeviceId {
    type Err = DeviceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base64url::decode_exact(text).map(Self).ok_or(DeviceIdError)
    }
}

/// The text is not 22 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device id must have 22 characters of base64url")]
pub struct DeviceIdError;

payload! {
    /// The claims in the order in which they are written.
    DevicePayload {
        epoch: u32,
        factors: u32,
        generation: u32,
    }
}

impl Kind for DeviceClaims {
    const TYP: &'static str = "dt+jwt";
    const TYPE: Option<&'static str> = Some("device");
    const AUDIENCE_SUFFIX: &'static str = "/device";
    type Payload<'a> = DevicePayload<'a>;

    fn read(payload: DevicePayload<'_>) -> Result<Self, TokenError> {
        Ok(Self {
            subject: payload.sub.parse().map_err(|_| TokenError::Malformed)?,
            device: payload.jti.parse().map_err(|_| TokenError::Malformed)?,
            epoch: PasswordEpoch::from_number(payload.epoch),
            factors: FactorEpoch::from_number(payload.factors),
            generation: payload.generation,
            issued_at: Timestamp::from_seconds(payload.iat),
            expires_at: Timestamp::from_seconds(payload.exp),
        })
    }
}

impl SignedKind for DeviceClaims {
    const PURPOSE: Purpose = Purpose::DeviceToken;

    fn write<'a>(&'a self, issuer: &'a str, audience: &'a str) -> impl Serialize {
        DevicePayload {
            iss: issuer.into(),
            aud: audience.into(),
            sub: self.subject.to_string().into(),
            jti: self.device.to_string().into(),
            iat: self.issued_at.as_seconds(),
            exp: self.expires_at.as_seconds(),
            nbf: None,
            kind_of_token: Self::TYPE.map(Text::from),
            epoch: self.epoch.number(),
            factors: self.factors.number(),
            generation: self.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;

    use super::*;

    #[test]
    fn a_device_id_survives_text_and_storage() {
        let id = DeviceId::generate(&SystemRandom);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(DeviceId::from_bytes(*id.as_bytes()), id);
        assert_ne!(id, DeviceId::generate(&SystemRandom));
        for text in ["", "AAAA", &format!("{id}A"), &format!("{id}="), "!!!!!!!!!!!!!!!!!!!!!!"] {
            assert_eq!(text.parse::<DeviceId>(), Err(DeviceIdError), "{text}");
        }
    }
}
