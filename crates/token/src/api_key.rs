//! API keys: `pk_<id>_<secret><checksum>`, a form that a secret scanner recognises.

use portcullis_domain::{ApiKeyId, ExposeSecret, SecretString, SecureRandom};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Digest;

/// An API key: 62 characters, `pk_`, the id in 22, `_`, 30 random ones and a checksum in 6. All of them
/// but the underscores are digits and letters without an accent (base62).
///
/// The 30 random characters are 178 bits, so a plain digest may be stored. The checksum is the CRC-32
/// (ISO-HDLC) of everything before it: a scanner finds a leaked key without asking the server, and a
/// mistyped key costs no query. It is no secret and proves nothing.
///
/// It prints as redacted and is wiped when dropped.
#[derive(Clone, Debug)]
pub struct ApiKey {
    id: ApiKeyId,
    text: SecretString,
}

/// The text is no API key, or it was mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an API key")]
pub struct ApiKeyError;

impl ApiKey {
    /// Begins every key.
    pub const PREFIX: &str = "pk_";

    /// A regular expression that matches every key, for secret scanners.
    pub const PATTERN: &str = r"\bpk_[0-9A-Za-z]{22}_[0-9A-Za-z]{36}\b";

    /// Generates the key with this id.
    pub fn generate(id: ApiKeyId, random: &dyn SecureRandom) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        text.push_str(Self::PREFIX);
        push_number(&mut text, id.as_uuid().as_u128(), ID);
        text.push('_');
        push_random(&mut text, random);
        let checksum = crc32fast::hash(text.as_bytes());
        push_number(&mut text, checksum.into(), CHECKSUM);
        Self { id, text: SecretString::from(text.as_str()) }
    }

    /// Reads a key that a client sent. [`Self::digest`] checks the value.
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let bytes = text.as_bytes();
        let is_alphabet = |part: &[u8]| part.iter().all(u8::is_ascii_alphanumeric);
        let rest = bytes.strip_prefix(Self::PREFIX.as_bytes()).ok_or(ApiKeyError)?;
        let (id, rest) = rest.split_at_checked(ID).ok_or(ApiKeyError)?;
        let rest = rest.strip_prefix(b"_").ok_or(ApiKeyError)?;
        if rest.len() != SECRET + CHECKSUM || !is_alphabet(id) || !is_alphabet(rest) {
            return Err(ApiKeyError);
        }
        let (checked, checksum) = bytes.split_at(LENGTH - CHECKSUM);
        let expected = u128::from(crc32fast::hash(checked));
        if number(checksum) != Some(expected) {
            return Err(ApiKeyError);
        }
        let id = ApiKeyId::from_uuid(Uuid::from_u128(number(id).ok_or(ApiKeyError)?));
        Ok(Self { id, text: SecretString::from(text) })
    }

    /// The id, under which the key is stored.
    pub const fn id(&self) -> ApiKeyId {
        self.id
    }

    /// The text, to be shown once.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The digest to store instead of the key.
    pub fn digest(&self) -> Digest {
        Digest::of(self.expose())
    }
}

const ID: usize = 22;
const SECRET: usize = 30;
const CHECKSUM: usize = 6;
const LENGTH: usize = ApiKey::PREFIX.len() + ID + 1 + SECRET + CHECKSUM;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Appends a number in base62, with zeros before it.
fn push_number(text: &mut String, number: u128, digits: usize) {
    let mut rest = number;
    let mut reversed = Vec::with_capacity(digits);
    for _ in 0..digits {
        reversed.push(character(rest % 62));
        rest /= 62;
    }
    text.extend(reversed.iter().rev());
}

/// Appends random characters. Bytes from 248 on are left out, so that all characters are equally likely.
fn push_random(text: &mut String, random: &dyn SecureRandom) {
    let end = text.len() + SECRET;
    let mut bytes = Zeroizing::new([0; 2 * SECRET]);
    while text.len() < end {
        random.fill(bytes.as_mut_slice());
        let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| character((*byte).into()));
        text.extend(fair.take(end - text.len()));
    }
}

fn character(number: u128) -> char {
    let place = usize::try_from(number % 62).unwrap_or_default();
    ALPHABET.get(place).copied().map_or('0', char::from)
}

/// The number that base62 digits write; `None` if it has more than 128 bits.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(value.into())
    })
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{SystemRandom, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn generated() -> ApiKey {
        let id = ApiKeyId::generate(Timestamp::from_seconds(1_800_000_000), &SystemRandom);
        ApiKey::generate(id, &SystemRandom)
    }

    /// Bytes that are known.
    struct Known(u8);

    impl SecureRandom for Known {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn a_key_has_its_documented_form() {
        let id = ApiKeyId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
        let key = ApiKey::generate(id, &Known(61));
        let (checked, checksum) = key.expose().split_at(56);
        assert_eq!(checked, format!("pk_02wndAAHBC95f4Al8rNFlB_{}", "z".repeat(30)));
        assert_eq!(number(checksum.as_bytes()), Some(crc32fast::hash(checked.as_bytes()).into()));
        assert_eq!(key.expose().len(), 62);
    }

    #[test]
    fn a_generated_key_is_read_back_and_no_other_has_its_digest() {
        let key = generated();
        let read = ApiKey::parse(key.expose()).unwrap();
        assert_eq!((read.id(), read.digest()), (key.id(), key.digest()));
        let same_id = ApiKey::generate(key.id(), &SystemRandom);
        assert_ne!(same_id.digest(), key.digest());
        assert!(!format!("{key:?}").contains(key.expose()));
    }

    #[test]
    fn every_id_has_a_key() {
        for id in [0, 1, u128::MAX] {
            let id = ApiKeyId::from_uuid(Uuid::from_u128(id));
            let key = ApiKey::generate(id, &SystemRandom);
            assert_eq!(ApiKey::parse(key.expose()).unwrap().id(), id);
        }
    }

    #[test]
    fn the_random_characters_are_all_of_the_alphabet() {
        let mut seen = [false; 128];
        for _ in 0..200 {
            generated().expose()[26..56].bytes().for_each(|byte| seen[usize::from(byte)] = true);
        }
        assert_eq!(seen.iter().filter(|seen| **seen).count(), 62);
    }

    #[test]
    fn a_text_of_another_form_is_no_key() {
        let key = generated();
        let text = key.expose();
        let too_large = format!("pk_{}_{}", "z".repeat(22), "0".repeat(30));
        let checksum = crc32fast::hash(too_large.as_bytes());
        let mut too_large = too_large;
        push_number(&mut too_large, checksum.into(), CHECKSUM);
        let forms = [
            String::new(),
            "pk_".to_owned(),
            text[..61].to_owned(),
            format!("{text}0"),
            format!(" {text}"),
            text.replacen("pk_", "sk_", 1),
            text.replacen("pk_", "PK_", 1),
            format!("pk_{}é{}", &text[3..24], &text[26..]),
            too_large,
            "pk_".repeat(1_000_000),
        ];
        for form in forms {
            assert_eq!(ApiKey::parse(&form).err(), Some(ApiKeyError), "{form:.70}");
        }
    }

    proptest! {
        #[test]
        fn a_mistyped_key_is_refused(place in 0..62_usize, typed in "[ -~]") {
            let key = generated();
            let mut text = key.expose().to_owned();
            text.replace_range(place..=place, &typed);
            prop_assert_eq!(ApiKey::parse(&text).is_ok(), text == key.expose());
        }
    }
}
