//! Passkeys from registration to sign-in, with an authenticator in software.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use portcullis_domain::SystemRandom;
use portcullis_mfa::passkey::{
    AssertionResponse, Challenge, NewPasskey, PasskeyUser, PublicKey, RegistrationResponse,
    RelyingParty, StoredPasskey, UserVerification,
};

use self::authenticator::{SoftAlgorithm, SoftAuthenticator};

#[path = "../../testkit/src/authenticator.rs"]
#[expect(dead_code, unreachable_pub, reason = "a part of another crate")]
mod authenticator;

const ORIGIN: &str = "https://auth.example.org";
const USER: PasskeyUser<'static> =
    PasskeyUser { handle: b"account of ada", name: "ada", display_name: "Ada L." };

fn party() -> RelyingParty {
    RelyingParty::of_origin(ORIGIN, "Example").unwrap()
}

fn register(party: &RelyingParty, authenticator: &mut SoftAuthenticator) -> NewPasskey {
    let challenge = Challenge::generate(&SystemRandom);
    let options = serde_json::to_value(party.creation_options(&challenge, &USER, &[])).unwrap();
    let response = RegistrationResponse::parse(&authenticator.create(&options, ORIGIN)).unwrap();
    assert_eq!(response.challenge().as_ref(), Some(&challenge));
    party.verify_registration(&challenge, &response).unwrap()
}

fn stored(passkey: &NewPasskey) -> StoredPasskey {
    StoredPasskey {
        id: passkey.id.clone(),
        public_key: PublicKey::from_bytes(&passkey.public_key.to_bytes()).unwrap(),
        counter: passkey.counter,
        is_backup_eligible: passkey.is_backup_eligible,
        user_handle: USER.handle.to_vec(),
    }
}

#[test]
fn a_passkey_of_each_algorithm_signs_in_after_its_registration() {
    for algorithm in [SoftAlgorithm::EdDsa, SoftAlgorithm::Es256, SoftAlgorithm::Rs256] {
        let mut authenticator = SoftAuthenticator::new(algorithm);
        let party = party();
        let passkey = register(&party, &mut authenticator);
        assert_eq!(passkey.public_key.algorithm().cose_id(), algorithm.cose_id());
        assert!(passkey.is_user_verified && passkey.is_backup_eligible && passkey.is_backed_up);
        assert_eq!(passkey.is_discoverable, Some(true));
        assert_eq!(passkey.transports.to_string(), "hybrid,internal");

        let challenge = Challenge::generate(&SystemRandom);
        let options = party.request_options(&challenge, &[], UserVerification::Required);
        let options = serde_json::to_value(options).unwrap();
        let response = AssertionResponse::parse(&authenticator.get(&options, ORIGIN)).unwrap();
        assert_eq!(response.user_handle(), Some(USER.handle));
        let assertion = party.verify_assertion(&challenge, &stored(&passkey), &response).unwrap();
        assert!(assertion.is_user_verified && assertion.is_backed_up);
        assert!(!assertion.has_counter_gone_back);
    }
}
