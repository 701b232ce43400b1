//! Credential id: the name of a credential, chosen by its authenticator, and its descriptor.

use std::fmt;
use std::str::FromStr;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::base64url;
use super::passkey_error::PasskeyError;
use super::transports::Transports;

/// The type of every credential (section 5.8.2).
pub const CREDENTIAL_TYPE: &str = "public-key";

/// The id of a credential: 16 to 1023 bytes (section 4, "credential ID"), written in base64url without
/// padding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(Vec<u8>);

/// A credential as options name it (section 5.8.3): the transports tell the browser where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialDescriptor {
    /// The id.
    pub id: CredentialId,
    /// The ways to reach its authenticator, as told at registration.
    pub transports: Transports,
}

const MIN: usize = 16;
const MAX: usize = 1023;

impl CredentialId {
    /// Checks the length.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, PasskeyError> {
        if (MIN..=MAX).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(PasskeyError::InvalidCredentialId)
        }
    }

    /// Reads the id of a credential in JSON (section 5.1): `id` and `rawId` are the same text there.
    pub(super) fn of_response(id: &str, raw_id: &str, kind: &str) -> Result<Self, PasskeyError> {
        if kind != CREDENTIAL_TYPE {
            return Err(PasskeyError::WrongCredentialType);
        }
        if id != raw_id {
            return Err(PasskeyError::IdMismatch);
        }
        id.parse()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for CredentialId {
    type Err = PasskeyError;

    fn from_str(text: &str) -> Result<Self, PasskeyError> {
        Self::from_bytes(base64url::decode(text, MAX)?)
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({self})")
    }
}

impl Serialize for CredentialId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for CredentialDescriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut descriptor = serializer.serialize_struct("CredentialDescriptor", 3)?;
        descriptor.serialize_field("type", CREDENTIAL_TYPE)?;
        descriptor.serialize_field("id", &self.id)?;
        descriptor.serialize_field("transports", &self.transports)?;
        descriptor.end()
    }
}
