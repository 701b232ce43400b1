//! The checks of a new credential: its ids, its key, and the attestation object that brings both.

use portcullis_mfa::passkey::PasskeyError;
use serde_json::json;

use crate::authenticator::SoftAlgorithm;
use crate::ceremony::{
    Registration, SignIn, TEXT_DATA, TEXT_FMT, TEXT_NONE, TEXT_STATEMENT, bytes_item, decode,
    encode,
};

/// The place of the length of the credential id in the authenticator data, before the id and the key.
const ID_LENGTH: usize = 53;

/// The place of the key after an id of 32 bytes.
const KEY: usize = 87;

#[test]
fn the_id_occurs_three_times_and_is_the_same() {
    let mut registration = Registration::new();
    registration.json["id"] = encode(&[7; 32]).into();
    assert_eq!(registration.error(), PasskeyError::IdMismatch);
    registration.json["rawId"] = encode(&[7; 32]).into();
    assert_eq!(registration.error(), PasskeyError::IdMismatch);
    let mut sign_in = SignIn::new();
    sign_in.json["rawId"] = encode(&[7; 32]).into();
    assert_eq!(sign_in.error(), PasskeyError::IdMismatch);
}

#[test]
fn a_credential_of_another_type_is_refused() {
    for kind in ["password", "Public-Key", ""] {
        let mut registration = Registration::new();
        registration.json["type"] = kind.into();
        assert_eq!(registration.error(), PasskeyError::WrongCredentialType, "{kind}");
        let mut sign_in = SignIn::new();
        sign_in.json["type"] = kind.into();
        assert_eq!(sign_in.error(), PasskeyError::WrongCredentialType, "{kind}");
    }
}

/// A registration whose credential id has this length, in all three places.
fn with_id_of(length: usize) -> Registration {
    let mut registration = Registration::new();
    registration.change_data(|data| {
        data.splice(ID_LENGTH..KEY, vec![7; length]);
        let length = u16::try_from(length).unwrap().to_be_bytes();
        data.splice(ID_LENGTH..ID_LENGTH, length);
    });
    let id = encode(&vec![7; length]);
    registration.json["id"] = id.clone().into();
    registration.json["rawId"] = id.into();
    registration
}

#[test]
fn a_credential_id_has_sixteen_to_1023_bytes() {
    for length in [16, 64, 1023] {
        let passkey = with_id_of(length).outcome().unwrap();
        assert_eq!(passkey.id.as_bytes(), vec![7; length]);
    }
    assert_eq!(with_id_of(0).error(), PasskeyError::InvalidCredentialId);
    assert_eq!(with_id_of(15).error(), PasskeyError::InvalidCredentialId);
    assert_eq!(with_id_of(1024).error(), PasskeyError::TooLong);
    for length in [15, 1024] {
        let mut registration = with_id_of(length);
        let id = encode(&[7; 32]);
        registration.json["id"] = id.clone().into();
        registration.json["rawId"] = id.into();
        assert_eq!(registration.error(), PasskeyError::InvalidCredentialId, "{length}");
    }
}

/// A registration with this key in COSE form.
fn with_key(key: &[u8]) -> Registration {
    let mut registration = Registration::new();
    registration.change_data(|data| {
        data.truncate(KEY);
        data.extend(key);
    });
    registration
}

/// The key of a registration with ES256 in COSE form.
fn es256() -> Vec<u8> {
    let registration = Registration::new();
    decode(&registration.json["response"]["authenticatorData"]).split_off(KEY)
}

#[test]
fn a_key_of_another_algorithm_is_refused() {
    assert!(with_key(&es256()).outcome().is_ok());
    for (algorithm, number) in [
        ("ES384", &b"\x38\x22"[..]),
        ("ESP256", b"\x28"),
        ("EdDSA by its full name", b"\x32"),
        ("RS1, with SHA-1", b"\x39\xff\xfe"),
        ("none", b"\x00"),
    ] {
        let key = es256();
        let other = [&key[..4], number, &key[5..]].concat();
        assert_eq!(with_key(&other).error(), PasskeyError::UnsupportedAlgorithm, "{algorithm}");
    }
}

#[test]
fn a_key_that_could_verify_nothing_is_refused() {
    let mut off_the_curve = es256();
    off_the_curve[76] ^= 1;
    let key = es256();
    for (fault, key) in [
        ("a point that is not on the curve", off_the_curve),
        ("no algorithm", [&b"\xa4\x01\x02"[..], &key[5..]].concat()),
        ("the kind of another algorithm", [&key[..2], b"\x01", &key[3..]].concat()),
        ("another curve", [&key[..6], b"\x02", &key[7..]].concat()),
        ("no second coordinate", [b"\xa4", &key[1..42]].concat()),
        ("the sign of the second coordinate", [&key[..43], b"\xf5"].concat()),
        ("a parameter more", [b"\xa6", &key[1..], b"\x23\x00"].concat()),
        ("a parameter with a name", [b"\xa6", &key[1..], b"\x61d\x00"].concat()),
    ] {
        assert_eq!(with_key(&key).error(), PasskeyError::InvalidKey, "{fault}");
    }
    let twice = [b"\xa6", &key[1..], b"\x03\x26"].concat();
    assert_eq!(with_key(&twice).error(), PasskeyError::DuplicateKey);
    assert_eq!(with_key(b"\x80").error(), PasskeyError::MalformedCbor);
}

#[test]
fn an_attestation_that_is_not_verified_is_accepted_as_none() {
    let mut registration = Registration::new();
    let data = bytes_item(&decode(&registration.json["response"]["authenticatorData"]));
    for (format, statement) in [
        (&b"\x66packed"[..], &b"\xa2\x63alg\x26\x63sig\x43abc"[..]),
        (b"\x68fido-u2f", b"\xa2\x63sig\x43abc\x63x5c\x81\x43abc"),
        (b"\x68compound", b"\x81\xa2\x63fmt\x65apple\x67attStmt\xa1\x63x5c\x81\x43abc"),
    ] {
        registration.attest(&[TEXT_FMT, format, TEXT_STATEMENT, statement, TEXT_DATA, &data]);
        assert!(registration.outcome().is_ok(), "{format:?}");
    }
}

#[test]
fn a_malformed_attestation_object_is_refused() {
    let mut registration = Registration::new();
    let data = bytes_item(&decode(&registration.json["response"]["authenticatorData"]));
    let malformed = PasskeyError::MalformedAttestation;
    let entry = |name: &[u8], value: &[u8]| [name, value].concat();
    let (fmt, statement) = (entry(TEXT_FMT, TEXT_NONE), entry(TEXT_STATEMENT, b"\xa0"));
    let data = entry(TEXT_DATA, &data);
    let other = b"\x61x\x00".to_vec();
    for (fault, entries, error) in [
        ("no format", [&other, &statement, &data], malformed.clone()),
        ("no statement", [&fmt, &other, &data], malformed.clone()),
        ("no data", [&fmt, &statement, &other], malformed.clone()),
        (
            "none with a statement",
            [&fmt, &entry(TEXT_STATEMENT, b"\xa1\x61x\x00"), &data],
            malformed,
        ),
        (
            "a format of bytes",
            [&entry(TEXT_FMT, b"\x44none"), &statement, &data],
            PasskeyError::MalformedCbor,
        ),
        (
            "data of text",
            [&fmt, &statement, &entry(TEXT_DATA, b"\x61x")],
            PasskeyError::MalformedCbor,
        ),
        (
            "a key twice in the statement",
            [&entry(TEXT_FMT, b"\x61x"), &entry(TEXT_STATEMENT, b"\xa2\x01\x00\x01\x00"), &data],
            PasskeyError::DuplicateKey,
        ),
        ("the data twice", [&data, &data, &fmt], PasskeyError::DuplicateKey),
        (
            "bytes after the end",
            [&fmt, &statement, &entry(&data, b"\x00")],
            PasskeyError::TrailingData,
        ),
    ] {
        registration.attest(&entries.map(Vec::as_slice));
        assert_eq!(registration.error(), error, "{fault}");
    }
    registration.attest(&[&data, &fmt, &statement]);
    assert!(registration.outcome().is_ok(), "the order does not matter");
    registration.json["response"]["attestationObject"] = encode(b"\x83\x00\x00\x00").into();
    assert_eq!(registration.error(), PasskeyError::MalformedCbor);
}

#[test]
fn an_attestation_object_has_a_limit_of_length() {
    let sized = |length: usize| {
        let mut registration = Registration::new();
        let data = bytes_item(&decode(&registration.json["response"]["authenticatorData"]));
        let fixed: &[&[u8]] = &[TEXT_FMT, b"\x61x", TEXT_DATA, &data, TEXT_STATEMENT, b"\x5a"];
        let content = length - fixed.concat().len() - 5;
        let count = u32::try_from(content).unwrap().to_be_bytes();
        let content = vec![0; content];
        registration.attest(&[fixed, &[count.as_slice(), &content]].concat());
        registration.outcome().map(drop)
    };
    assert_eq!(sized(65_536), Ok(()));
    assert_eq!(sized(65_537), Err(PasskeyError::TooLong));
}

#[test]
fn every_part_is_base64url_in_its_only_form() {
    let faults: [fn(&str) -> String; 5] = [
        |text| format!("{text}="),
        |text| format!("{text}\n"),
        |text| format!("+{}", &text[1..]),
        |text| format!("/{}", &text[1..]),
        // The lowest bit of the last character of 4n+2 or 4n+3 characters belongs to no byte.
        |text| format!("{text:A<width$}B", width = text.len().next_multiple_of(4) + 1),
    ];
    for fault in faults {
        for part in ["clientDataJSON", "attestationObject"] {
            let mut registration = Registration::new();
            let value = &mut registration.json["response"][part];
            *value = fault(value.as_str().unwrap()).into();
            assert_eq!(registration.error(), PasskeyError::InvalidBase64, "{part}");
        }
        for part in ["clientDataJSON", "authenticatorData", "signature", "userHandle"] {
            let mut sign_in = SignIn::of(SoftAlgorithm::EdDsa);
            let value = &mut sign_in.json["response"][part];
            *value = fault(value.as_str().unwrap()).into();
            assert_eq!(sign_in.error(), PasskeyError::InvalidBase64, "{part}");
        }
        let mut sign_in = SignIn::new();
        let id = fault(sign_in.json["id"].as_str().unwrap());
        sign_in.json["id"] = id.clone().into();
        sign_in.json["rawId"] = id.into();
        assert_eq!(sign_in.error(), PasskeyError::InvalidBase64);
    }
}

#[test]
fn json_of_another_shape_is_refused() {
    for member in ["id", "rawId", "type", "response"] {
        for value in [json!(null), json!(1), json!([]), json!({})] {
            let mut registration = Registration::new();
            registration.json[member] = value.clone();
            assert_eq!(registration.error(), PasskeyError::Malformed, "{member}: {value}");
            let mut sign_in = SignIn::new();
            sign_in.json[member] = value.clone();
            assert_eq!(sign_in.error(), PasskeyError::Malformed, "{member}: {value}");
        }
    }
    for member in ["clientDataJSON", "attestationObject", "transports"] {
        let mut registration = Registration::new();
        registration.json["response"][member] = json!({});
        assert_eq!(registration.error(), PasskeyError::Malformed, "{member}");
    }
    for member in ["clientDataJSON", "authenticatorData", "signature", "userHandle"] {
        let mut sign_in = SignIn::new();
        sign_in.json["response"][member] = json!({});
        assert_eq!(sign_in.error(), PasskeyError::Malformed, "{member}");
    }
    let mut registration = Registration::new();
    registration.json["clientExtensionResults"] = json!({ "credProps": { "rk": "yes" } });
    assert_eq!(registration.error(), PasskeyError::Malformed);
}
