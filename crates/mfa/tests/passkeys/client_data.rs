//! The checks of client data: sections 7.1 and 7.2, from the type to the top origin.

use portcullis_mfa::passkey::{Challenge, PasskeyError};

use crate::ceremony::{ORIGIN, Registration, SignIn, decode, encode};

/// The errors of a registration and of an assertion whose client data are changed in the same way.
fn errors(change: impl Fn(&mut String)) -> [PasskeyError; 2] {
    let mut registration = Registration::new();
    registration.change_client_data(&change);
    let mut sign_in = SignIn::new();
    sign_in.change_client_data(&change);
    [registration.error(), sign_in.error()]
}

fn replace(from: &str, to: &str) -> [PasskeyError; 2] {
    errors(|text| *text = text.replace(from, to))
}

fn both(error: PasskeyError) -> [PasskeyError; 2] {
    [error.clone(), error]
}

#[test]
fn client_data_of_the_other_ceremony_are_refused() {
    let mut registration = Registration::new();
    registration.change_client_data(|text| *text = text.replace("webauthn.create", "webauthn.get"));
    assert_eq!(registration.error(), PasskeyError::WrongType);
    let mut sign_in = SignIn::new();
    sign_in.change_client_data(|text| *text = text.replace("webauthn.get", "webauthn.create"));
    assert_eq!(sign_in.error(), PasskeyError::WrongType);
    assert_eq!(replace("webauthn.", "payment."), both(PasskeyError::WrongType));
}

#[test]
fn the_answer_to_another_challenge_is_refused() {
    let mut registration = Registration::new();
    registration.challenge = Challenge::from_bytes([7; 32]);
    assert_eq!(registration.error(), PasskeyError::WrongChallenge);
    let mut sign_in = SignIn::new();
    sign_in.challenge = Challenge::from_bytes([7; 32]);
    assert_eq!(sign_in.error(), PasskeyError::WrongChallenge);
}

#[test]
fn a_challenge_in_another_form_is_refused() {
    for (from, to) in [("challenge\":\"", "challenge\":\"A"), ("\",\"origin", "=\",\"origin")] {
        assert_eq!(replace(from, to), both(PasskeyError::WrongChallenge), "{to}");
    }
    let empty = |text: &mut String| {
        let (head, rest) = text.split_once("challenge\":\"").unwrap();
        *text = format!("{head}challenge\":\"{}", &rest[43..]);
    };
    assert_eq!(errors(empty), both(PasskeyError::WrongChallenge));
}

#[test]
fn a_page_of_another_origin_is_refused() {
    for other in [
        "https://auth.example.org.",
        "https://auth.example.org/",
        "https://auth.example.org:443",
        "https://auth.example.org:8443",
        "https://auth.example.com",
        "https://www.auth.example.org",
        "https://example.org",
        "http://auth.example.org",
        "https://AUTH.example.org",
        "android:apk-key-hash:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        "null",
        "",
    ] {
        let expected = both(PasskeyError::WrongOrigin(other.to_owned()));
        assert_eq!(replace(ORIGIN, other), expected, "{other}");
    }
}

#[test]
fn a_refused_origin_is_shown_in_part_only() {
    let long = format!("https://{}.example", "é".repeat(1_000));
    let [_, PasskeyError::WrongOrigin(shown)] = replace(ORIGIN, &long) else {
        panic!("another error")
    };
    assert_eq!(shown.chars().count(), 128);
    assert!(long.starts_with(&shown));
}

#[test]
fn a_page_embedded_in_a_page_of_another_origin_is_refused() {
    let embedded = replace("\"crossOrigin\":false", "\"crossOrigin\":true");
    assert_eq!(embedded, both(PasskeyError::CrossOrigin));
    for top in ["\"https://example.com\"", "\"https://auth.example.org\"", "null", "[]"] {
        let members = format!("\"crossOrigin\":false,\"topOrigin\":{top}");
        let framed = replace("\"crossOrigin\":false", &members);
        assert_eq!(framed, both(PasskeyError::CrossOrigin), "{top}");
    }
}

#[test]
fn malformed_client_data_are_refused() {
    let changes: [fn(&mut String); 13] = [
        |text| *text = format!("\u{feff}{text}"),
        |text| *text = format!(" {text}"),
        |text| text.push('}'),
        |text| text.push('\0'),
        |text| text.truncate(text.len() - 1),
        |text| *text = text.replace("\"type\"", "\"kind\""),
        |text| *text = text.replace("\"challenge\"", "\"response\""),
        |text| *text = text.replace("\"origin\"", "\"place\""),
        |text| *text = text.replace("\"crossOrigin\":false", "\"crossOrigin\":\"false\""),
        |text| *text = text.replace("\"crossOrigin\":false", "\"crossOrigin\":null"),
        |text| *text = text.replace(ORIGIN, "\\ud800"),
        |text| *text = "[\"webauthn.get\",\"AAAA\",\"https://auth.example.org\"]".to_owned(),
        |text| text.clear(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(errors(change), both(PasskeyError::MalformedClientData), "change {number}");
    }
}

/// The first or the last of two could count, depending on the reader.
#[test]
fn a_member_that_occurs_twice_is_refused() {
    for member in [
        "\"type\":\"webauthn.get\"",
        "\"challenge\":\"AAAA\"",
        "\"origin\":\"https://auth.example.org\"",
        "\"crossOrigin\":false",
        "\"\\u006frigin\":\"https://auth.example.org\"",
    ] {
        let twice = replace("\"crossOrigin\"", &format!("{member},\"crossOrigin\""));
        assert_eq!(twice, both(PasskeyError::MalformedClientData), "{member}");
    }
}

#[test]
fn client_data_that_are_no_text_are_refused() {
    let mut registration = Registration::new();
    registration.change_client_data(|text| *text = text.replace('}', ",\"x\":\"?\"}"));
    assert!(registration.outcome().is_ok());
    let part = &mut registration.json["response"]["clientDataJSON"];
    let mut bytes = decode(part);
    *bytes.iter_mut().find(|byte| **byte == b'?').unwrap() = 0xff;
    *part = encode(&bytes).into();
    assert_eq!(registration.error(), PasskeyError::MalformedClientData);
}

#[test]
fn unknown_members_are_ignored_up_to_the_limit_of_length() {
    let lengthen = |sign_in: &mut SignIn, length: usize| {
        sign_in.change_client_data(|text| {
            text.insert_str(text.len() - 1, ",\"x\":{\"y\":[1]},\"z\":\"\"");
            let missing = length - text.len();
            text.insert_str(text.len() - 2, &"z".repeat(missing));
        });
    };
    let mut sign_in = SignIn::new();
    lengthen(&mut sign_in, 4096);
    assert!(sign_in.outcome().is_ok());
    lengthen(&mut sign_in, 4097 + 23);
    assert_eq!(sign_in.error(), PasskeyError::TooLong);
}
