//! Tests of the section `tokens`: previous secret key and algorithm.

use portcullis_token::KeyPairAlgorithm;

use super::{Given, KEY, OTHER_KEY};

#[test]
fn a_previous_secret_can_be_named_or_kept_in_a_file() {
    let named = Given::variables(&[("SECRET_KEY", KEY), ("SECRET_KEY_PREVIOUS", OTHER_KEY)]);
    assert!(named.config().tokens.previous.is_some());
    let kept = Given::variables(&[("SECRET_KEY", KEY)])
        .secret("former", &format!("{OTHER_KEY}\n"))
        .variable("SECRET_KEY_PREVIOUS_FILE", "{dir}/former");
    assert!(kept.config().tokens.previous.is_some());
    assert!(Given::variables(&[("SECRET_KEY", KEY)]).config().tokens.previous.is_none());
}

#[test]
fn a_previous_secret_that_is_the_current_one_is_a_fault() {
    let given = Given::variables(&[("SECRET_KEY", KEY), ("SECRET_KEY_PREVIOUS", KEY)]);
    assert_eq!(given.keys(), ["tokens.secret_key_previous"]);
    assert!(given.faults()[0].problem.contains("in use"));
}

#[test]
fn algorithms_are_known_by_the_names_that_tokens_carry() {
    for (word, algorithm) in [
        ("HS256", None),
        ("EdDSA", Some(KeyPairAlgorithm::EdDsa)),
        ("ES256", Some(KeyPairAlgorithm::Es256)),
    ] {
        let given = Given::variables(&[("PORTCULLIS__TOKENS__ALGORITHM", word)]);
        assert_eq!(given.config().tokens.algorithm, algorithm, "{word}");
    }
}
