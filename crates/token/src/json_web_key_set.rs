//! JSON Web Key Sets (RFC 7517): publishing and parsing of public keys.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::public_key::coordinates;
use crate::{KeyPairAlgorithm, PublicKey, base64url};

/// The public keys of an issuer, in their published form (RFC 7517 section 5).
///
/// It never contains a shared secret, because a shared secret has no public key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonWebKeySet(Vec<PublicKey>);

impl JsonWebKeySet {
    /// A set with these keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The document to publish as `application/jwk-set+json`; equal sets give equal texts.
    #[expect(clippy::expect_used, reason = "texts always have a JSON form")]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn to_json(&self) -> String {
        let keys = self.0.iter().map(JsonWebKey::from).collect();
        serde_json::to_string(&Document { keys }).expect("texts have a JSON form")
    }

    /// The maximum size of a document in bytes; one key takes about 200.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The maximum number of keys in a document, unusable keys included.
    pub const MAX_KEYS: usize = 64;

    /// Parses a published document. Unusable keys are left out (RFC 7517 section 5): keys of other
    /// kinds or for other uses, keys without a name, shared secrets, keys published together with
    /// their private key, and all keys that share one name. An empty set is possible.
    pub fn parse(json: &str) -> Result<Self, JsonWebKeySetError> {
        if json.len() > Self::MAX_BYTES {
            return Err(JsonWebKeySetError::TooLarge);
        }
        let Document::<Value> { keys } =
            serde_json::from_str(json).map_err(|_| JsonWebKeySetError::Malformed)?;
        if keys.len() > Self::MAX_KEYS {
            return Err(JsonWebKeySetError::TooManyKeys);
        }
        let named = keys.iter().filter(|key| key.get("kid").is_some_and(Value::is_string));
        let is_only = |kid| named.clone().filter(|key| key.get("kid") == kid).count() == 1;
        let usable = keys
            .iter()
            .filter(|key| is_only(key.get("kid")))
            .filter_map(|key| JsonWebKey::deserialize(key).ok().and_then(|key| key.public_key()));
        Ok(Self(usable.collect()))
    }

    /// The keys, in the order of the document.
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }
}

/// The reason why a document gives no keys.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonWebKeySetError {
    /// Not a JSON object with a list `keys`.
    #[error("the document is not a JSON Web Key Set (RFC 7517 section 5)")]
    Malformed,
    /// More than [`JsonWebKeySet::MAX_BYTES`].
    #[error("the JSON Web Key Set has more than {} bytes", JsonWebKeySet::MAX_BYTES)]
    TooLarge,
    /// More than [`JsonWebKeySet::MAX_KEYS`].
    #[error("the JSON Web Key Set has more than {} keys", JsonWebKeySet::MAX_KEYS)]
    TooManyKeys,
    /// The document has no usable key. An issuer that signs with HS256 publishes none.
    #[error(
        "the JSON Web Key Set has no key for EdDSA (Ed25519) or ES256 that has a `kid` of its own; \
         an issuer that signs with HS256 publishes none"
    )]
    NoUsableKey,
}

portcullis_domain::debug_as_display!(JsonWebKeySetError);

#[derive(Serialize, Deserialize)]
struct Document<K> {
    keys: Vec<K>,
}

/// A key in JSON (RFC 7517 section 4) with the members of RFC 7518 section 6.2 and RFC 8037 section
/// 2.
#[derive(Serialize, Deserialize)]
struct JsonWebKey {
    kty: String,
    crv: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ops: Option<Vec<String>>,
    kid: String,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    /// A private key. A key that is published with it is compromised.
    #[serde(skip_serializing)]
    d: Option<Value>,
}

impl JsonWebKey {
    fn public_key(&self) -> Option<PublicKey> {
        let (algorithm, bytes) = match (self.kty.as_str(), self.crv.as_str(), &self.y) {
            ("OKP", "Ed25519", None) => {
                (KeyPairAlgorithm::EdDsa, base64url::decode_exact::<32>(&self.x)?.to_vec())
            }
            ("EC", "P-256", Some(y)) => {
                let (x, y): ([u8; 32], [u8; 32]) =
                    (base64url::decode_exact(&self.x)?, base64url::decode_exact(y)?);
                (KeyPairAlgorithm::Es256, [&[UNCOMPRESSED][..], &x, &y].concat())
            }
            _ => return None,
        };
        let verifies = self.alg.as_deref().is_none_or(|name| name == algorithm.name())
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|uses| uses.iter().any(|usage| usage == "verify"));
        if !verifies || self.d.is_some() {
            return None;
        }
        PublicKey::from_parts(&self.kid, algorithm, &bytes).ok()
    }
}

impl From<&PublicKey> for JsonWebKey {
    fn from(key: &PublicKey) -> Self {
        let (kty, crv) = match key.algorithm() {
            KeyPairAlgorithm::EdDsa => ("OKP", "Ed25519"),
            KeyPairAlgorithm::Es256 => ("EC", "P-256"),
        };
        let (x, y) = coordinates(key.algorithm(), key.as_bytes());
        Self {
            kty: kty.to_owned(),
            crv: crv.to_owned(),
            alg: Some(key.algorithm().name().to_owned()),
            usage: Some("sig".to_owned()),
            key_ops: None,
            kid: key.kid().to_owned(),
            x,
            y,
            d: None,
        }
    }
}

/// The first byte of an uncompressed point (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;
    use serde_json::json;

    use super::*;
    use crate::KeyPair;

    fn pair(algorithm: KeyPairAlgorithm) -> PublicKey {
        KeyPair::generate(algorithm, &SystemRandom).public()
    }

    #[test]
    fn a_published_set_is_read_back_as_it_was() {
        let keys = [pair(KeyPairAlgorithm::EdDsa), pair(KeyPairAlgorithm::Es256)];
        let set = JsonWebKeySet::new(keys.clone());
        let read = JsonWebKeySet::parse(&set.to_json()).unwrap();
        assert_eq!(read.keys(), keys);
        assert_eq!(read.to_json(), set.to_json());
        assert_eq!(JsonWebKeySet::new([]).to_json(), r#"{"keys":[]}"#);
    }

    /// The key of RFC 8037 appendix A.2.
    #[test]
    fn a_document_has_the_members_of_the_rfc_and_no_others() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let bytes = base64url::decode(x).unwrap();
        let key = PublicKey::from_parts("one", KeyPairAlgorithm::EdDsa, &bytes).unwrap();
        let expected = json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "one", "x": x,
        }]});
        let document: Value = serde_json::from_str(&JsonWebKeySet::new([key]).to_json()).unwrap();
        assert_eq!(document, expected);
    }

    #[test]
    fn a_key_that_cannot_be_used_is_left_out_and_the_others_stay() {
        let good: Value = serde_json::from_str(
            &JsonWebKeySet::new([pair(KeyPairAlgorithm::EdDsa), pair(KeyPairAlgorithm::Es256)])
                .to_json(),
        )
        .unwrap();
        for (member, value) in [
            ("kty", json!("oct")),
            ("kty", json!("RSA")),
            ("crv", json!("P-384")),
            ("crv", json!("Ed448")),
            ("alg", json!("HS256")),
            ("alg", json!("ES384")),
            ("use", json!("enc")),
            ("key_ops", json!(["sign"])),
            ("kid", json!(null)),
            ("kid", json!("")),
            ("x", json!("AAAA")),
            ("x", json!("")),
            ("y", json!("AAAA")),
            ("d", json!("AAAA")),
        ] {
            for (changed, other) in [(0, 1), (1, 0)] {
                let mut document = good.clone();
                document["keys"][changed][member] = value.clone();
                let read = JsonWebKeySet::parse(&document.to_string()).unwrap();
                let kids: Vec<&str> = read.keys().iter().map(PublicKey::kid).collect();
                assert_eq!(
                    kids,
                    [good["keys"][other]["kid"].as_str().unwrap()],
                    "{member} {value}"
                );
            }
        }
    }

    #[test]
    fn keys_that_share_a_name_are_all_left_out() {
        let name = |key: &PublicKey, kid| {
            PublicKey::from_parts(kid, key.algorithm(), key.as_bytes()).unwrap()
        };
        let (first, second) = (pair(KeyPairAlgorithm::EdDsa), pair(KeyPairAlgorithm::Es256));
        let set = JsonWebKeySet::new([name(&first, "a"), name(&second, "a"), name(&second, "b")]);
        let read = JsonWebKeySet::parse(&set.to_json()).unwrap();
        assert_eq!(read.keys(), [name(&second, "b")]);
    }

    #[test]
    fn a_text_that_is_no_set_is_refused() {
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>"] {
            assert_eq!(JsonWebKeySet::parse(text), Err(JsonWebKeySetError::Malformed), "{text}");
        }
        assert_eq!(JsonWebKeySet::parse(r#"{"keys":[1,null,{}]}"#), Ok(JsonWebKeySet::new([])));
    }

    #[test]
    fn a_document_has_a_largest_size_and_a_largest_number_of_keys() {
        let empty = r#"{"keys":[]}"#;
        let of_size = |bytes: usize| empty.to_owned() + &" ".repeat(bytes - empty.len());
        let largest = of_size(JsonWebKeySet::MAX_BYTES);
        assert_eq!(JsonWebKeySet::parse(&largest), Ok(JsonWebKeySet::new([])));
        let too_large = of_size(JsonWebKeySet::MAX_BYTES + 1);
        assert_eq!(JsonWebKeySet::parse(&too_large), Err(JsonWebKeySetError::TooLarge));

        let keys: Vec<_> =
            (0..JsonWebKeySet::MAX_KEYS).map(|_| pair(KeyPairAlgorithm::EdDsa)).collect();
        let document = JsonWebKeySet::new(keys).to_json();
        let read = JsonWebKeySet::parse(&document).unwrap();
        assert_eq!(read.keys().len(), JsonWebKeySet::MAX_KEYS);
        // An unusable key counts as well.
        let too_many = document.replace(r#"{"keys":["#, r#"{"keys":[{"kty":"RSA"},"#);
        assert_eq!(JsonWebKeySet::parse(&too_many), Err(JsonWebKeySetError::TooManyKeys));
    }
}
