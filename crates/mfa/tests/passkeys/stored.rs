//! The forms in which parts of a passkey are stored and read back.

use portcullis_mfa::passkey::{Aaguid, CredentialId, PasskeyError, PublicKey, Transports};
use proptest::prelude::*;

use crate::authenticator::SoftAlgorithm;
use crate::ceremony::SignIn;

#[test]
fn a_public_key_is_read_back() {
    for (algorithm, length) in
        [(SoftAlgorithm::EdDsa, 42), (SoftAlgorithm::Es256, 77), (SoftAlgorithm::Rs256, 272)]
    {
        let key = SignIn::of(algorithm).stored.public_key;
        let bytes = key.to_bytes();
        assert_eq!(bytes.len(), length, "{algorithm:?}");
        assert_eq!(PublicKey::from_bytes(&bytes), Ok(key.clone()));
        let trailing = [bytes.as_slice(), &[0]].concat();
        assert_eq!(PublicKey::from_bytes(&trailing), Err(PasskeyError::TrailingData));
        for cut in 0..bytes.len() {
            assert!(PublicKey::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        assert_eq!(format!("{key:?}"), format!("PublicKey({:?})", key.algorithm()));
    }
}

#[test]
fn transports_are_the_words_of_the_standard() {
    let all = Transports::from_words([
        "internal",
        "hybrid",
        "smart-card",
        "ble",
        "nfc",
        "usb",
        "usb",
        "cable",
        "USB",
        "",
        "a,b",
    ]);
    assert_eq!(all.to_string(), "usb,nfc,ble,smart-card,hybrid,internal");
    assert_eq!(all.words().count(), 6);
    assert_eq!(all.to_string().parse(), Ok(all));
    assert_eq!("".parse(), Ok(Transports::default()));
    assert_eq!(Transports::default().to_string(), "");
}

#[test]
fn a_model_is_written_as_a_uuid() {
    let text = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4";
    let model: Aaguid = text.parse().unwrap();
    assert_eq!(model.as_bytes()[..4], [0xea, 0x9b, 0x8d, 0x66]);
    assert_eq!(model.to_string(), text);
    assert_eq!(text.to_uppercase().parse(), Ok(model));
    assert_eq!(format!("{model:?}"), format!("Aaguid({text})"));
    for other in [
        "",
        "ea9b8d664d011d213ce4b6b48cb575d4",
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d",
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4-",
        "ea9b8d66-4d01-1d21-3ce4b6b48cb575d4",
        "{ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4}",
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575dg",
        "+a9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
        "eéb8d66-4d01-1d21-3ce4-b6b48cb575d4",
    ] {
        assert!(other.parse::<Aaguid>().is_err(), "{other}");
    }
}

proptest! {
    #[test]
    fn a_credential_id_is_read_back(bytes in prop::collection::vec(any::<u8>(), 16..=1023)) {
        let id = CredentialId::from_bytes(bytes.clone()).unwrap();
        prop_assert_eq!(id.as_bytes(), bytes);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    /// Two texts never mean the same credential.
    #[test]
    fn a_text_that_is_read_as_a_credential_id_is_its_only_form(text in "[A-Za-z0-9_=-]{20,40}") {
        if let Ok(id) = text.parse::<CredentialId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn a_model_is_read_back(bytes in any::<[u8; 16]>()) {
        let model = Aaguid::from_bytes(bytes);
        prop_assert_eq!(model.to_string().parse(), Ok(model));
    }

    #[test]
    fn stored_forms_of_anything_make_nothing_panic(text in ".*", bytes in any::<Vec<u8>>()) {
        let _ = text.parse::<Aaguid>();
        let _ = text.parse::<CredentialId>();
        let _ = text.parse::<Transports>();
        let _ = PublicKey::from_bytes(&bytes);
    }
}
