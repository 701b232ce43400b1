//! The response to an assertion: its JSON form, checked as far as that needs no relying party.

use serde::Deserialize;
use serde_json::Value;

use super::authenticator_data::AuthenticatorData;
use super::base64url;
use super::challenge::Challenge;
use super::client_data::ClientData;
use super::credential_id::CredentialId;
use super::passkey_error::PasskeyError;
use super::public_key::PublicKey;

/// `AuthenticationResponseJSON` (section 5.1): what `PublicKeyCredential.toJSON()` makes of an assertion.
/// Nothing of it is verified before `RelyingParty::verify_assertion`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Json")]
pub struct AssertionResponse {
    pub(super) id: CredentialId,
    pub(super) client_data: ClientData,
    pub(super) authenticator_data: AuthenticatorData,
    /// The bytes that the signature is over: the authenticator data and the digest of the client data.
    pub(super) signed: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) user_handle: Option<Vec<u8>>,
}

/// A passkey as it is stored, to verify an assertion with.
#[derive(Clone, Debug)]
pub struct StoredPasskey {
    /// The id.
    pub id: CredentialId,
    /// The key.
    pub public_key: PublicKey,
    /// The greatest value of the signature counter that was seen.
    pub counter: u32,
    /// Whether the credential may be copied, as at registration.
    pub is_backup_eligible: bool,
    /// The user handle of the account that has the passkey.
    pub user_handle: Vec<u8>,
}

/// A verified assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Assertion {
    /// Whether the authenticator checked who is there. Without it, the passkey is a second factor only.
    pub is_user_verified: bool,
    /// Whether the credential is copied to other devices at present.
    pub is_backed_up: bool,
    /// The signature counter; the caller keeps the greater value.
    pub counter: u32,
    /// Whether the counter did not increase: the authenticator may have been cloned (section 6.1.1). Zero
    /// before and now is normal.
    pub has_counter_gone_back: bool,
}

/// The maximum length of authenticator data in bytes; without extensions there are 37.
const MAX_AUTHENTICATOR_DATA: usize = 8192;

/// The length of the signature of the largest RSA key.
const MAX_SIGNATURE: usize = 512;

/// The maximum length of a user handle (section 5.4.3).
const MAX_USER_HANDLE: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    id: String,
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: ResponseJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

impl AssertionResponse {
    /// Reads the JSON form.
    pub fn parse(json: &Value) -> Result<Self, PasskeyError> {
        Json::deserialize(json).map_err(|_| PasskeyError::Malformed)?.try_into()
    }

    /// The credential that claims to sign, to look it up.
    pub const fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// The user handle, as claimed. A sign-in without a name must have one (section 7.2).
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.user_handle.as_deref()
    }

    /// The challenge that the client claims to answer, to look up the ceremony: `None` if it is none of
    /// this server.
    pub fn challenge(&self) -> Option<Challenge> {
        self.client_data.challenge.clone()
    }

    /// Whether the authenticator checked who is there, as claimed.
    pub const fn is_user_verified(&self) -> bool {
        self.authenticator_data.flags.is_user_verified()
    }

    /// Whether the credential may be copied, as claimed.
    pub const fn is_backup_eligible(&self) -> bool {
        self.authenticator_data.flags.is_backup_eligible()
    }
}

impl TryFrom<Json> for AssertionResponse {
    type Error = PasskeyError;

    fn try_from(json: Json) -> Result<Self, PasskeyError> {
        let id = CredentialId::of_response(&json.id, &json.raw_id, &json.kind)?;
        let client_data = ClientData::parse(&json.response.client_data)?;
        let data = base64url::decode(&json.response.authenticator_data, MAX_AUTHENTICATOR_DATA)?;
        let user_handle = json.response.user_handle.as_deref().map(read_user_handle).transpose()?;
        Ok(Self {
            id,
            authenticator_data: AuthenticatorData::parse(&data)?,
            signed: [data.as_slice(), &client_data.digest].concat(),
            client_data,
            signature: base64url::decode(&json.response.signature, MAX_SIGNATURE)?,
            user_handle,
        })
    }
}

fn read_user_handle(text: &str) -> Result<Vec<u8>, PasskeyError> {
    let handle = base64url::decode(text, MAX_USER_HANDLE)?;
    if handle.is_empty() { Err(PasskeyError::InvalidUserHandle) } else { Ok(handle) }
}
