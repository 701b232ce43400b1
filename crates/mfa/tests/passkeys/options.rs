//! Options as a browser reads them.

use portcullis_domain::SystemRandom;
use portcullis_mfa::passkey::{
    Challenge, CredentialDescriptor, CredentialId, Transports, UserVerification,
};
use serde_json::json;

use crate::ceremony::{USER, party};

fn descriptor() -> CredentialDescriptor {
    CredentialDescriptor {
        id: CredentialId::from_bytes(vec![7; 16]).unwrap(),
        transports: Transports::from_words(["internal", "usb", "telepathy"]),
    }
}

#[test]
fn creation_options_have_the_form_of_the_standard() {
    let challenge = Challenge::from_bytes([0xfb; 32]);
    let options = party().creation_options(&challenge, &USER, &[descriptor()]);
    assert_eq!(
        serde_json::to_value(options).unwrap(),
        json!({
            "rp": { "id": "auth.example.org", "name": "Example" },
            "user": { "id": "YWNjb3VudCBvZiBhZGE", "name": "ada", "displayName": "Ada L." },
            "challenge": "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s",
            "pubKeyCredParams": [
                { "type": "public-key", "alg": -8 },
                { "type": "public-key", "alg": -7 },
                { "type": "public-key", "alg": -257 },
            ],
            "timeout": 300_000,
            "excludeCredentials": [{
                "type": "public-key",
                "id": "BwcHBwcHBwcHBwcHBwcHBw",
                "transports": ["usb", "internal"],
            }],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": false,
                "userVerification": "preferred",
            },
            "hints": [],
            "attestation": "none",
            "extensions": { "credProps": true },
        }),
    );
}

#[test]
fn request_options_have_the_form_of_the_standard() {
    let challenge = Challenge::from_bytes([0xfb; 32]);
    for (verification, word) in [
        (UserVerification::Required, "required"),
        (UserVerification::Preferred, "preferred"),
        (UserVerification::Discouraged, "discouraged"),
    ] {
        let options = party().request_options(&challenge, &[], verification);
        assert_eq!(
            serde_json::to_value(options).unwrap(),
            json!({
                "challenge": "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s",
                "timeout": 300_000,
                "rpId": "auth.example.org",
                "allowCredentials": [],
                "userVerification": word,
                "hints": [],
            }),
        );
    }
}

#[test]
fn a_challenge_is_random_and_prints_nothing_of_itself() {
    let (one, other) = (Challenge::generate(&SystemRandom), Challenge::generate(&SystemRandom));
    assert!(one != other && one == Challenge::from_bytes(*one.as_bytes()));
    let options = party().request_options(&one, &[descriptor()], UserVerification::Required);
    for printed in [format!("{one:?}"), format!("{options:?}")] {
        assert!(printed.contains("Challenge([REDACTED])"), "{printed}");
        assert!(!printed.contains(&format!("{:?}", one.as_bytes()[..4].to_vec())), "{printed}");
    }
}
