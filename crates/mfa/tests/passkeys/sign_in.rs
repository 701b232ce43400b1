//! Registration and assertion that go well, and the checks that need the stored passkey (section 7.2).

use portcullis_mfa::passkey::{
    Algorithm, AssertionResponse, CredentialId, PasskeyError, RegistrationResponse,
};
use serde_json::{Value, json};

use crate::authenticator::{SoftAlgorithm, SoftAuthenticator};
use crate::ceremony::{Registration, SignIn, USER, decode, encode};

#[test]
fn a_passkey_of_each_algorithm_signs_in_after_its_registration() {
    for (algorithm, expected) in [
        (SoftAlgorithm::EdDsa, Algorithm::EdDsa),
        (SoftAlgorithm::Es256, Algorithm::Es256),
        (SoftAlgorithm::Rs256, Algorithm::Rs256),
    ] {
        let sign_in = SignIn::of(algorithm);
        assert_eq!(sign_in.stored.public_key.algorithm(), expected);
        let assertion = sign_in.outcome().unwrap();
        assert!(assertion.is_user_verified && assertion.is_backed_up);
        assert!(!assertion.has_counter_gone_back);
    }
}

#[test]
fn a_registration_says_what_the_authenticator_is() {
    let phone = Registration::new().outcome().unwrap();
    assert!(phone.is_user_verified && phone.is_backup_eligible && phone.is_backed_up);
    assert_eq!(phone.transports.to_string(), "hybrid,internal");
    assert_eq!((phone.counter, phone.is_discoverable), (0, Some(true)));

    let mut key = SoftAuthenticator::security_key(SoftAlgorithm::EdDsa);
    key.aaguid = [0xab; 16];
    let mut registration = Registration::with(&mut key);
    registration.json["clientExtensionResults"] = json!({});
    let key = registration.outcome().unwrap();
    assert!(!key.is_user_verified && !key.is_backup_eligible && !key.is_backed_up);
    assert_eq!(key.transports.to_string(), "usb,nfc");
    assert_eq!((key.counter, key.is_discoverable), (1, None));
    assert_eq!(key.aaguid.to_string(), "abababab-abab-abab-abab-abababababab");
}

#[test]
fn a_response_says_before_its_verification_what_it_claims() {
    let registration = Registration::new();
    let response: RegistrationResponse =
        serde_json::from_str(&registration.json.to_string()).unwrap();
    assert_eq!(response.challenge(), Some(registration.challenge));
    assert_eq!(response.credential_id().to_string(), registration.json["id"]);

    let mut sign_in = SignIn::new();
    let response: AssertionResponse = serde_json::from_str(&sign_in.json.to_string()).unwrap();
    assert_eq!(response.challenge().as_ref(), Some(&sign_in.challenge));
    assert_eq!(response.credential_id(), &sign_in.stored.id);
    assert_eq!(response.user_handle(), Some(USER.handle));
    assert!(response.is_user_verified() && response.is_backup_eligible());

    sign_in.change_client_data(|text| *text = text.replace("challenge\":\"", "challenge\":\"A"));
    sign_in.change_data(|data| data[32] = 0x01);
    sign_in.json["response"]["userHandle"] = Value::Null;
    let response = AssertionResponse::parse(&sign_in.json).unwrap();
    assert_eq!((response.challenge(), response.user_handle()), (None, None));
    assert!(!response.is_user_verified() && !response.is_backup_eligible());
}

#[test]
fn a_member_that_occurs_twice_in_the_body_is_refused() {
    let json = SignIn::new().json.to_string();
    assert!(serde_json::from_str::<AssertionResponse>(&json).is_ok());
    for member in ["id", "rawId", "type", "clientDataJSON", "signature", "userHandle"] {
        let twice =
            json.replace(&format!("\"{member}\":"), &format!("\"{member}\":\"\",\"{member}\":"));
        assert!(serde_json::from_str::<AssertionResponse>(&twice).is_err(), "{member}");
    }
}

#[test]
fn parts_that_browsers_leave_out_are_not_needed() {
    let mut registration = Registration::new();
    let json = registration.json.as_object_mut().unwrap();
    json.remove("clientExtensionResults");
    json.remove("authenticatorAttachment");
    let response = registration.json["response"].as_object_mut().unwrap();
    response.retain(|name, _| name == "clientDataJSON" || name == "attestationObject");
    assert_eq!(registration.outcome().unwrap().transports.to_string(), "");

    let mut sign_in = SignIn::new();
    for absent in [None, Some(Value::Null)] {
        let response = sign_in.json["response"].as_object_mut().unwrap();
        response.remove("userHandle");
        response.extend(absent.map(|value| ("userHandle".to_owned(), value)));
        assert!(sign_in.outcome().is_ok());
    }
}

#[test]
fn the_response_of_another_credential_is_refused() {
    let mut sign_in = SignIn::new();
    sign_in.stored.id = CredentialId::from_bytes(vec![7; 32]).unwrap();
    assert_eq!(sign_in.error(), PasskeyError::WrongCredential);
}

#[test]
fn the_user_handle_of_another_account_is_refused() {
    let mut sign_in = SignIn::new();
    sign_in.json["response"]["userHandle"] = encode(b"account of eve").into();
    assert_eq!(sign_in.error(), PasskeyError::WrongUserHandle);
    sign_in.json["response"]["userHandle"] = encode(&USER.handle[1..]).into();
    assert_eq!(sign_in.error(), PasskeyError::WrongUserHandle);
}

#[test]
fn a_user_handle_has_one_to_sixty_four_bytes() {
    let with_handle_of = |length: usize| {
        let mut sign_in = SignIn::new();
        sign_in.stored.user_handle = vec![7; length];
        sign_in.json["response"]["userHandle"] = encode(&vec![7; length]).into();
        sign_in.outcome().map(drop)
    };
    assert_eq!(with_handle_of(1), Ok(()));
    assert_eq!(with_handle_of(64), Ok(()));
    assert_eq!(with_handle_of(0), Err(PasskeyError::InvalidUserHandle));
    assert_eq!(with_handle_of(65), Err(PasskeyError::TooLong));
}

#[test]
fn the_signature_of_another_key_is_refused() {
    for algorithm in [SoftAlgorithm::EdDsa, SoftAlgorithm::Es256] {
        let mut sign_in = SignIn::of(algorithm);
        for other in [SoftAlgorithm::EdDsa, SoftAlgorithm::Es256] {
            sign_in.stored.public_key = SignIn::of(other).stored.public_key;
            assert_eq!(sign_in.error(), PasskeyError::BadSignature, "{algorithm:?}, {other:?}");
        }
    }
}

#[test]
fn a_signature_of_another_form_is_refused() {
    let mut sign_in = SignIn::new();
    let der = decode(&sign_in.json["response"]["signature"]);
    for signature in [Vec::new(), der[..der.len() - 1].to_vec(), vec![0; 64], vec![0; 512]] {
        sign_in.json["response"]["signature"] = encode(&signature).into();
        assert_eq!(sign_in.error(), PasskeyError::BadSignature, "{} bytes", signature.len());
    }
    sign_in.json["response"]["signature"] = encode(&[0; 513]).into();
    assert_eq!(sign_in.error(), PasskeyError::TooLong);
}

#[test]
fn a_counter_that_does_not_increase_has_gone_back() {
    for (stored, now, has_gone_back) in [
        (0, 0, false),
        (0, 1, false),
        (1, 2, false),
        (7, 4_000_000_000, false),
        (1, 0, true),
        (1, 1, true),
        (2, 1, true),
        (u32::MAX, u32::MAX, true),
    ] {
        let mut sign_in = SignIn::new();
        sign_in.stored.counter = stored;
        sign_in.change_data(|data| {
            data.splice(33..37, u32::to_be_bytes(now));
        });
        let assertion = sign_in.outcome().unwrap();
        let told = (assertion.counter, assertion.has_counter_gone_back);
        assert_eq!(told, (now, has_gone_back), "{stored} and then {now}");
    }
}
