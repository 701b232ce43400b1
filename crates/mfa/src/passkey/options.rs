//! Options of ceremonies in the JSON form that `parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON` of the browser read (section 5.1.9 and 5.1.10).

use serde::{Serialize, Serializer};

use super::challenge::Challenge;
use super::credential_id::CredentialDescriptor;

/// The account that gets a passkey.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyUser<'a> {
    /// The user handle: 1 to 64 bytes that name the account and say nothing about a person (section
    /// 14.6.1). Assertions of discoverable credentials bring it back.
    pub handle: &'a [u8],
    /// The name by which a person tells accounts apart, such as the username.
    pub name: &'a str,
    /// The name of the person.
    pub display_name: &'a str,
}

/// Whether the authenticator must check who is there: by PIN or by a feature of the body (section 5.8.6).
///
/// It is a request to the browser. What happened is in the assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserVerification {
    /// The browser fails without it.
    Required,
    /// The browser asks for it where the authenticator can.
    Preferred,
    /// The browser avoids it, for a second factor after a password.
    Discouraged,
}

impl UserVerification {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Required, Self::Preferred, Self::Discouraged];

    /// The word of the standard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }
}

impl Serialize for UserVerification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether the authenticator must prove its model (section 5.4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// Any model may be used.
    None,
    /// Only the listed models may be used.
    Direct,
}

impl Attestation {
    /// The values that the server uses.
    pub const ALL: [Self; 2] = [Self::None, Self::Direct];

    /// The word of the standard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Direct => "direct",
        }
    }
}

impl Serialize for Attestation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether the authenticator stores the credential (section 5.4.6): it does so where it can.
pub const RESIDENT_KEY: &str = "preferred";

/// `PublicKeyCredentialCreationOptionsJSON`: what a browser needs to create a passkey.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    pub(super) rp: RelyingPartyEntity,
    pub(super) user: UserEntity,
    pub(super) challenge: Challenge,
    pub(super) pub_key_cred_params: Vec<Parameters>,
    pub(super) timeout: u32,
    pub(super) exclude_credentials: Vec<CredentialDescriptor>,
    pub(super) authenticator_selection: AuthenticatorSelection,
    pub(super) hints: [&'static str; 0],
    pub(super) attestation: Attestation,
    pub(super) extensions: CreationExtensions,
}

/// `PublicKeyCredentialRequestOptionsJSON`: what a browser needs to use a passkey.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    pub(super) challenge: Challenge,
    pub(super) timeout: u32,
    pub(super) rp_id: String,
    pub(super) allow_credentials: Vec<CredentialDescriptor>,
    pub(super) user_verification: UserVerification,
    pub(super) hints: [&'static str; 0],
}

/// The time that a person has for a ceremony, in milliseconds (section 15.1).
pub(super) const TIMEOUT: u32 = 300_000;

#[derive(Clone, Debug, Serialize)]
pub(super) struct RelyingPartyEntity {
    pub(super) id: String,
    pub(super) name: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserEntity {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) display_name: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Parameters {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) alg: i64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthenticatorSelection {
    pub(super) resident_key: &'static str,
    /// For browsers of level 1 of the standard.
    pub(super) require_resident_key: bool,
    pub(super) user_verification: UserVerification,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreationExtensions {
    /// Asks whether the credential is discoverable (section 10.1.3).
    pub(super) cred_props: bool,
}
