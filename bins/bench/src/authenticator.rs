//! An authenticator in software, with one passkey (ES256, the algorithm of most authenticators), and the browser
//! before it.
//!
//! The bytes are those of Web Authentication level 3: authenticator data (section 6.1), client data (5.8.1) and
//! an attestation of the format `none` (8.7), in CBOR (RFC 8949) with a COSE key (RFC 9053 section 7.1.1).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::outcome::Result;

/// User present, user verified, may be backed up, is backed up.
const FLAGS: u8 = 0x01 | 0x04 | 0x08 | 0x10;

/// The flag of authenticator data that contain a new credential.
const WITH_CREDENTIAL: u8 = 0x40;

const ID_LENGTH: u8 = 32;

/// An authenticator with one passkey for one account.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    /// The id in base64url.
    id: String,
    /// The id of the account, in base64url.
    user_handle: String,
    origin: String,
}

impl Authenticator {
    /// Creates a passkey for these creation options, on a page of this origin. Returns the credential that a
    /// browser sends, too.
    pub(crate) fn create(options: &Value, origin: &str) -> Result<(Self, Value)> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(raise)?;
        let public = key.public_key().as_ref();
        // Any value that differs from key to key is an id.
        let id = digest(&SHA256, public);
        // An uncompressed point: one byte 4, and both coordinates.
        let coordinates = public.get(1..).ok_or("a key without coordinates")?;
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let mut data = authenticator_data(options, &["rp", "id"], FLAGS | WITH_CREDENTIAL)?;
        // No model.
        data.extend([0; 16]);
        data.extend([0, ID_LENGTH]);
        data.extend(id.as_ref());
        // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]);
        data.extend(bytes(x)?);
        data.push(0x22);
        data.extend(bytes(y)?);
        // {"fmt": "none", "attStmt": {}, "authData": …}
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".to_vec();
        attestation.extend(bytes(&data)?);

        let id = URL_SAFE_NO_PAD.encode(id.as_ref());
        let user_handle = text(options, &["user", "id"])?.to_owned();
        let origin = origin.to_owned();
        let client_data = client_data("webauthn.create", options, &origin)?;
        let response = json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
            "transports": ["internal"],
        });
        let credential = credential(&id, &response);
        Ok((Self { key, id, user_handle, origin }, credential))
    }

    /// Signs the challenge of these request options. Returns the credential that a browser sends.
    pub(crate) fn assert(&self, options: &Value) -> Result<Value> {
        let client_data = client_data("webauthn.get", options, &self.origin)?;
        let data = authenticator_data(options, &["rpId"], FLAGS)?;
        let hash = digest(&SHA256, client_data.as_bytes());
        let signed = [data.as_slice(), hash.as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).map_err(raise)?;
        Ok(credential(
            &self.id,
            &json!({
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature.as_ref()),
                "userHandle": self.user_handle,
            }),
        ))
    }
}

fn credential(id: &str, response: &Value) -> Value {
    json!({
        "id": id,
        "rawId": id,
        "type": "public-key",
        "clientExtensionResults": {},
        "response": response,
    })
}

fn client_data(ceremony: &str, options: &Value, origin: &str) -> Result<String> {
    let challenge = text(options, &["challenge"])?;
    Ok(format!(
        r#"{{"type":"{ceremony}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
    ))
}

/// The hash of the relying party, the flags, and a signature counter that is always 0.
fn authenticator_data(options: &Value, relying_party: &[&str], flags: u8) -> Result<Vec<u8>> {
    let hash = digest(&SHA256, text(options, relying_party)?.as_bytes());
    Ok([hash.as_ref(), &[flags], &[0; 4]].concat())
}

/// A byte string of at most 255 bytes in CBOR.
fn bytes(content: &[u8]) -> Result<Vec<u8>> {
    let length = u8::try_from(content.len())?;
    Ok([&[0x58, length], content].concat())
}

fn text<'a>(options: &'a Value, path: &[&str]) -> Result<&'a str> {
    let found = path.iter().try_fold(options, |value, name| value.get(name));
    found
        .and_then(Value::as_str)
        .ok_or_else(|| format!("no {} in {options}", path.join(".")).into())
}

fn raise(_: aws_lc_rs::error::Unspecified) -> &'static str {
    "the authenticator cannot sign"
}
