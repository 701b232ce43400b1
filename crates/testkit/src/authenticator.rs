//! Authenticator and browser in software: both sides of WebAuthn that a server never sees.
//!
//! It uses nothing of the code under test: CBOR is written by hand, and aws-lc-rs signs.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An authenticator with its credentials, and the browser before it. A test changes the fields between
/// ceremonies.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the standard")]
pub struct SoftAuthenticator {
    /// The algorithm of the next credential.
    pub algorithm: SoftAlgorithm,
    /// Whether a person touches it.
    pub user_present: bool,
    /// Whether it checks who is there.
    pub user_verified: bool,
    /// Whether credentials may be copied.
    pub backup_eligible: bool,
    /// Whether credentials are copied at present.
    pub backed_up: bool,
    /// The signature counter of the next response. It increases with each, except from 0: an authenticator
    /// without a counter.
    pub counter: u32,
    /// The model.
    pub aaguid: [u8; 16],
    /// The ways to reach it.
    pub transports: Vec<String>,
    credentials: Vec<Credential>,
}

/// The algorithm of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftAlgorithm {
    /// -8.
    EdDsa,
    /// -7.
    Es256,
    /// -257, with 2048 bits; such a key takes about a second to generate.
    Rs256,
}

#[derive(Debug)]
struct Credential {
    id: Vec<u8>,
    rp_id: String,
    user_handle: Vec<u8>,
    key: Key,
}

#[derive(Debug)]
enum Key {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl Default for SoftAuthenticator {
    fn default() -> Self {
        Self::new(SoftAlgorithm::Es256)
    }
}

impl SoftAuthenticator {
    /// A platform authenticator of a phone: it verifies the user, backs credentials up and has no counter.
    pub fn new(algorithm: SoftAlgorithm) -> Self {
        Self {
            algorithm,
            user_present: true,
            user_verified: true,
            backup_eligible: true,
            backed_up: true,
            counter: 0,
            aaguid: [0; 16],
            transports: vec!["hybrid".to_owned(), "internal".to_owned()],
            credentials: Vec::new(),
        }
    }

    /// A key on a ring: it asks for a touch only, keeps credentials to itself and counts from 1.
    pub fn security_key(algorithm: SoftAlgorithm) -> Self {
        Self {
            user_verified: false,
            backup_eligible: false,
            backed_up: false,
            counter: 1,
            transports: vec!["usb".to_owned(), "nfc".to_owned()],
            ..Self::new(algorithm)
        }
    }

    /// Creates a credential from creation options in JSON, on a page of this origin: the JSON of the
    /// browser's `PublicKeyCredential.toJSON()`.
    ///
    /// # Panics
    ///
    /// If the options do not offer its algorithm, or exclude one of its credentials.
    pub fn create(&mut self, options: &Value, origin: &str) -> Value {
        let offered = options["pubKeyCredParams"].as_array().expect("parameters");
        let id = self.algorithm.cose_id();
        assert!(offered.iter().any(|it| it["alg"] == id), "{id} is not offered");
        let excluded = options["excludeCredentials"].as_array().expect("excluded credentials");
        let is_excluded = self.credentials.iter().any(|credential| is_among(credential, excluded));
        assert!(!is_excluded, "a credential is excluded");
        let credential = Credential {
            id: random::<32>().to_vec(),
            rp_id: text(&options["rp"]["id"]).to_owned(),
            user_handle: decode(&options["user"]["id"]),
            key: Key::generate(self.algorithm),
        };
        let mut data = self.authenticator_data(&credential.rp_id, 0x40);
        data.extend(self.aaguid);
        data.extend(u16::try_from(credential.id.len()).expect("a short id").to_be_bytes());
        data.extend(&credential.id);
        data.extend(credential.key.cose());
        let attestation = [
            map(3),
            text_item("fmt"),
            text_item("none"),
            text_item("attStmt"),
            map(0),
            text_item("authData"),
            bytes_item(&data),
        ];
        let id = encode(&credential.id);
        self.credentials.push(credential);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": encode(client_data("webauthn.create", options, origin).as_bytes()),
                "attestationObject": encode(&attestation.concat()),
                "authenticatorData": encode(&data),
                "transports": self.transports,
                "publicKeyAlgorithm": self.algorithm.cose_id(),
            },
        })
    }

    /// Uses a credential that the request options in JSON allow, or the newest of the relying party if they
    /// name none, on a page of this origin: the JSON of the browser's `PublicKeyCredential.toJSON()`.
    ///
    /// # Panics
    ///
    /// If it has no such credential.
    pub fn get(&mut self, options: &Value, origin: &str) -> Value {
        let allowed = options["allowCredentials"].as_array().expect("allowed credentials");
        let is_allowed = |it: &Credential| allowed.is_empty() || is_among(it, allowed);
        let position = self
            .credentials
            .iter()
            .rposition(|credential| options["rpId"] == credential.rp_id && is_allowed(credential));
        let position = position.expect("a credential that is allowed");
        let client_data = client_data("webauthn.get", options, origin);
        let data = self.authenticator_data(text(&options["rpId"]), 0);
        let credential = &self.credentials[position];
        let id = encode(&credential.id);
        let mut assertion = json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data.as_bytes()),
                "authenticatorData": encode(&data),
                "userHandle": encode(&credential.user_handle),
            },
        });
        self.sign_again(&mut assertion);
        assertion
    }

    /// Signs an assertion after a test has changed its client data or authenticator data.
    ///
    /// # Panics
    ///
    /// If its id is that of no credential.
    pub fn sign_again(&self, assertion: &mut Value) {
        let id = decode(&assertion["id"]);
        let credential = self.credentials.iter().find(|credential| credential.id == id);
        let key = &credential.expect("a credential with this id").key;
        let response = &mut assertion["response"];
        let hash = digest(&SHA256, &decode(&response["clientDataJSON"]));
        let signed = [&decode(&response["authenticatorData"]), hash.as_ref()].concat();
        response["signature"] = encode(&key.sign(&signed)).into();
    }

    fn authenticator_data(&mut self, rp_id: &str, further_flags: u8) -> Vec<u8> {
        let flags = [
            (self.user_present, 0x01),
            (self.user_verified, 0x04),
            (self.backup_eligible, 0x08),
            (self.backed_up, 0x10),
        ];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag);
        let flags = flags.fold(further_flags, |all, flag| all | flag);
        let counter = self.counter;
        self.counter += u32::from(counter > 0);
        [digest(&SHA256, rp_id.as_bytes()).as_ref(), &[flags], &counter.to_be_bytes()].concat()
    }
}

impl SoftAlgorithm {
    /// The number in the COSE registry.
    pub const fn cose_id(self) -> i64 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
            Self::Rs256 => -257,
        }
    }
}

impl Key {
    fn generate(algorithm: SoftAlgorithm) -> Self {
        match algorithm {
            SoftAlgorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::generate().expect("a key")),
            SoftAlgorithm::Es256 => {
                Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"))
            }
            SoftAlgorithm::Rs256 => {
                Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"))
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Self::Es256(key) => key.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
        }
    }

    /// The COSE key: `kty`, `alg`, and the parameters -1, -2 and -3, whose keys are 0x20 to 0x22.
    fn cose(&self) -> Vec<u8> {
        match self {
            Self::EdDsa(key) => {
                let x = bytes_item(key.public_key().as_ref());
                [map(4), vec![0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21], x].concat()
            }
            Self::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                let head = vec![0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
                [map(5), head, bytes_item(x), vec![0x22], bytes_item(y)].concat()
            }
            Self::Rs256(key) => {
                let (modulus, exponent) = rsa_numbers(key.public_key().as_ref());
                let head = vec![0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20];
                [map(4), head, bytes_item(&modulus), vec![0x21], bytes_item(&exponent)].concat()
            }
        }
    }
}

/// Whether a list of descriptors names the credential.
fn is_among(credential: &Credential, descriptors: &[Value]) -> bool {
    descriptors.iter().any(|descriptor| decode(&descriptor["id"]) == credential.id)
}

/// Modulus and exponent of an `RSAPublicKey` in DER (RFC 8017 appendix A.1.1) of 2048 bits: both lengths
/// before the modulus have two bytes, and a zero byte comes before its first bit.
fn rsa_numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (modulus, rest) = der[9..].split_at(256);
    assert_eq!((der[8], rest[0], usize::from(rest[1])), (0, 2, rest.len() - 2), "another form");
    (modulus.to_vec(), rest[2..].to_vec())
}

/// The members in the order of section 5.8.1.1.
fn client_data(ceremony: &str, options: &Value, origin: &str) -> String {
    let challenge = text(&options["challenge"]);
    format!(
        r#"{{"type":"{ceremony}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
    )
}

fn map(entries: u8) -> Vec<u8> {
    vec![0xa0 + entries]
}

fn text_item(text: &str) -> Vec<u8> {
    item(0x60, text.as_bytes())
}

fn bytes_item(bytes: &[u8]) -> Vec<u8> {
    item(0x40, bytes)
}

/// A byte or text string with the shortest form of its length.
fn item(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a short string").to_be_bytes();
    let head = match length {
        [0, short @ 0..=23] => vec![kind + short],
        [0, length] => vec![kind + 24, length],
        [high, low] => vec![kind + 25, high, low],
    };
    [&head, content].concat()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    bytes
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text(value)).expect("base64url")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
