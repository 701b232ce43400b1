//! Bytes of an attacker: nothing panics, and nothing that is changed by one bit is accepted.

use std::sync::LazyLock;

use portcullis_mfa::passkey::{AssertionResponse, PasskeyError, RegistrationResponse};
use proptest::prelude::*;

use crate::authenticator::SoftAlgorithm;
use crate::ceremony::{Registration, SignIn, decode, encode};

static SIGN_INS: LazyLock<[SignIn; 2]> =
    LazyLock::new(|| [SoftAlgorithm::EdDsa, SoftAlgorithm::Es256].map(SignIn::of));
static REGISTRATION: LazyLock<Registration> = LazyLock::new(Registration::new);

const SIGNED: [&str; 3] = ["clientDataJSON", "authenticatorData", "signature"];

/// Some bytes that are like CBOR: heads of all kinds, among bytes of any value.
fn cbor_like() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![
            0x00, 0x20, 0x41, 0x61, 0x81, 0xa1, 0xbf, 0x9f, 0xc0, 0xf6, 0xff
        ]),
    ];
    prop::collection::vec(head, 0..300)
}

/// The outcome of a sign-in with another value of one part.
fn outcome(sign_in: &SignIn, part: &str, bytes: &[u8]) -> Result<(), PasskeyError> {
    let mut json = sign_in.json.clone();
    json["response"][part] = encode(bytes).into();
    let response = AssertionResponse::parse(&json)?;
    sign_in.party.verify_assertion(&sign_in.challenge, &sign_in.stored, &response).map(drop)
}

#[test]
fn each_changed_bit_of_a_signed_part_is_noticed() {
    for sign_in in &*SIGN_INS {
        for part in SIGNED {
            let bytes = decode(&sign_in.json["response"][part]);
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(outcome(sign_in, part, &changed).is_err(), "bit {bit} of {part}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_in_place_of_a_part_are_accepted(bytes in any::<Vec<u8>>(), part in 0..3_usize) {
        for sign_in in &*SIGN_INS {
            prop_assert!(outcome(sign_in, SIGNED[part], &bytes).is_err());
        }
    }

    #[test]
    fn no_attestation_object_makes_it_panic(bytes in cbor_like()) {
        let mut json = REGISTRATION.json.clone();
        json["response"]["attestationObject"] = encode(&bytes).into();
        prop_assert!(RegistrationResponse::parse(&json).is_err());
    }

    /// The beginning is valid, so that the reader gets to the key and to the extensions.
    #[test]
    fn no_end_of_authenticator_data_makes_it_panic(
        bytes in cbor_like(),
        kept in 0..164_usize,
        flags in any::<u8>(),
    ) {
        let mut registration = Registration {
            party: REGISTRATION.party.clone(),
            challenge: REGISTRATION.challenge.clone(),
            json: REGISTRATION.json.clone(),
        };
        registration.change_data(|data| {
            data.truncate(kept);
            data.extend(&bytes);
            if let Some(found) = data.get_mut(32) {
                *found = flags;
            }
        });
        let _ = registration.outcome();
    }

    #[test]
    fn no_client_data_make_it_panic(text in r#"\{?("(type|challenge|origin|[a-z]{0,9})":("[^"]{0,50}"|true|1),?){0,9}\}?.{0,9}"#) {
        for sign_in in &*SIGN_INS {
            prop_assert!(outcome(sign_in, "clientDataJSON", text.as_bytes()).is_err());
        }
    }
}
