//! A text that is read as an API key has the documented form, and is the only spelling of that key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_domain::{ApiKeyId, SecureRandom};
use portcullis_token::ApiKey;

/// The bytes of the input, again and again.
struct Known(Vec<u8>);

impl SecureRandom for Known {
    fn fill(&self, buffer: &mut [u8]) {
        let bytes = self.0.iter().filter(|byte| **byte < 248).chain(&[7]).cycle();
        buffer.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    }
}

fuzz_target!(|input: (String, [u8; 16], Vec<u8>, u8, char)| {
    let (text, id, random, place, typed) = input;
    if let Ok(key) = ApiKey::parse(&text) {
        assert_eq!(key.expose(), text);
        assert_eq!(text.len(), 62);
        let parts: Vec<_> = text.split('_').map(str::len).collect();
        assert_eq!(parts, [2, 22, 36]);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        assert!(!format!("{key:?}").contains(&text[26..]));
    }

    // Each id has keys, and one wrong character makes none.
    let id = ApiKeyId::from_uuid(uuid::Uuid::from_bytes(id));
    let key = ApiKey::generate(id, &Known(random));
    let read = ApiKey::parse(key.expose()).expect("a generated key");
    assert_eq!((read.id(), read.digest()), (id, key.digest()));
    let place = usize::from(place) % key.expose().len();
    let mut mistyped = key.expose().to_owned();
    mistyped.replace_range(place..=place, typed.encode_utf8(&mut [0; 4]));
    assert_eq!(ApiKey::parse(&mistyped).is_ok(), mistyped == key.expose());
});
