//! The response to a registration: its JSON form, checked as far as that needs no relying party.

use serde::Deserialize;
use serde_json::Value;

use super::aaguid::Aaguid;
use super::authenticator_data::AuthenticatorData;
use super::base64url;
use super::cbor::{CborReader, Key};
use super::challenge::Challenge;
use super::client_data::ClientData;
use super::credential_id::CredentialId;
use super::passkey_error::PasskeyError;
use super::public_key::PublicKey;
use super::transports::Transports;

/// `RegistrationResponseJSON` (section 5.1): what `PublicKeyCredential.toJSON()` makes of a new
/// credential. Nothing of it is verified before `RelyingParty::verify_registration`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Json")]
pub struct RegistrationResponse {
    pub(super) id: CredentialId,
    pub(super) client_data: ClientData,
    pub(super) authenticator_data: AuthenticatorData,
    pub(super) transports: Transports,
    pub(super) is_discoverable: Option<bool>,
}

/// A verified new passkey.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// The id; the caller refuses one that any account has already.
    pub id: CredentialId,
    /// The key.
    pub public_key: PublicKey,
    /// The first value of the signature counter; 0 means that the authenticator has none.
    pub counter: u32,
    /// Whether the authenticator checked who is there. Section 7.2 asks the caller to store it: a passkey
    /// that was registered without may sign in alone only after another factor has confirmed that.
    pub is_user_verified: bool,
    /// Whether the credential may be copied to other devices, forever.
    pub is_backup_eligible: bool,
    /// Whether it is copied at present.
    pub is_backed_up: bool,
    /// The ways to reach the authenticator.
    pub transports: Transports,
    /// The model, as the authenticator states it.
    pub aaguid: Aaguid,
    /// Whether the credential can sign in without a name, if the browser knows (section 10.1.3).
    pub is_discoverable: Option<bool>,
}

/// The maximum length of an attestation object in bytes; certificates are the most of it.
const MAX_ATTESTATION: usize = 65_536;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    id: String,
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: ResponseJson,
    #[serde(default)]
    client_extension_results: ExtensionsJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionsJson {
    cred_props: Option<PropertiesJson>,
}

#[derive(Deserialize)]
struct PropertiesJson {
    rk: Option<bool>,
}

impl RegistrationResponse {
    /// Reads the JSON form.
    pub fn parse(json: &Value) -> Result<Self, PasskeyError> {
        Json::deserialize(json).map_err(|_| PasskeyError::Malformed)?.try_into()
    }

    /// The challenge that the client claims to answer, to look up the ceremony: `None` if it is none of
    /// this server.
    pub fn challenge(&self) -> Option<Challenge> {
        self.client_data.challenge.clone()
    }

    /// The id of the new credential, as claimed.
    pub const fn credential_id(&self) -> &CredentialId {
        &self.id
    }
}

impl TryFrom<Json> for RegistrationResponse {
    type Error = PasskeyError;

    fn try_from(json: Json) -> Result<Self, PasskeyError> {
        let id = CredentialId::of_response(&json.id, &json.raw_id, &json.kind)?;
        let attestation = base64url::decode(&json.response.attestation_object, MAX_ATTESTATION)?;
        Ok(Self {
            id,
            client_data: ClientData::parse(&json.response.client_data)?,
            authenticator_data: read_attestation(&attestation)?,
            transports: Transports::from_words(json.response.transports.iter().map(String::as_str)),
            is_discoverable: json.client_extension_results.cred_props.and_then(|found| found.rk),
        })
    }
}

/// Reads the attestation object (section 6.5.4). Its statement is checked for its form only; that of
/// `none` is empty (section 8.7).
fn read_attestation(bytes: &[u8]) -> Result<AuthenticatorData, PasskeyError> {
    let (mut format, mut statement, mut data) = (None, None, None);
    let mut reader = CborReader::new(bytes);
    reader.map(|key, reader| {
        match key {
            Key::Text("fmt") => format = Some(reader.text()?),
            Key::Text("attStmt") => statement = Some(reader.item()?),
            Key::Text("authData") => data = Some(reader.bytes()?),
            _ => drop(reader.item()?),
        }
        Ok(())
    })?;
    reader.finish()?;
    let (Some(format), Some(statement), Some(data)) = (format, statement, data) else {
        return Err(PasskeyError::MalformedAttestation);
    };
    if format == "none" && statement != EMPTY_MAP {
        return Err(PasskeyError::MalformedAttestation);
    }
    AuthenticatorData::parse(data)
}

/// The CBOR of a map without entries.
const EMPTY_MAP: &[u8] = &[0xa0];
