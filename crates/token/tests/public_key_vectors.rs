//! Published vectors of public keys and signatures, read from a JSON Web Key Set as other services do.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

use portcullis_token::{JsonWebKeySet, TokenError, VerifyingKey, jws};
use serde_json::{Value, json};

fn groups(file: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file["testGroups"].as_array().unwrap().clone()
}

fn cases(group: &Value) -> &Vec<Value> {
    group["tests"].as_array().unwrap()
}

/// The keys of a group as their owner would publish them.
fn published(group: &Value) -> Value {
    let keys = if group["public"].is_null() { &group["private"] } else { &group["public"] };
    if keys["keys"].is_null() { json!({ "keys": [keys] }) } else { keys.clone() }
}

fn read(document: &Value) -> JsonWebKeySet {
    JsonWebKeySet::parse(&document.to_string()).unwrap()
}

fn accepted(case: &Value, keys: &JsonWebKeySet) -> bool {
    let token = case["jws"].as_str().unwrap();
    keys.keys().iter().any(|key| jws::verify(token, &VerifyingKey::from(key)).is_ok())
}

#[test]
fn wycheproof_tokens_get_their_verdict_under_es256() {
    let mut seen = 0;
    for group in groups(include_str!("vectors/wycheproof_jws.json")) {
        let document = published(&group);
        if document["keys"][0]["kty"] != "EC" {
            continue;
        }
        let keys = read(&document);
        for case in cases(&group) {
            // The one token with ES512, which nothing here signs or accepts.
            let expected = case["result"] == "valid" && case["tcId"] != 351;
            assert_eq!(accepted(case, &keys), expected, "{} {}", case["tcId"], case["comment"]);
            seen += 1;
        }
    }
    assert_eq!(seen, 28);
}

#[test]
fn wycheproof_tokens_of_every_other_algorithm_are_refused_by_a_public_key() {
    let groups = groups(include_str!("vectors/wycheproof_jws.json"));
    let es256 = groups.iter().find(|group| group["comment"] == "es256").unwrap();
    let ed25519 = json!({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "kid": "a",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }]});
    for document in [published(es256), ed25519] {
        let key = VerifyingKey::from(&read(&document).keys()[0]);
        for group in groups.iter().filter(|group| published(group)["keys"][0]["kty"] != "EC") {
            for case in cases(group) {
                let verdict = jws::verify(case["jws"].as_str().unwrap(), &key);
                let error = verdict.unwrap_err();
                let expected = [TokenError::WrongAlgorithm, TokenError::Malformed];
                assert!(expected.contains(&error), "{} {error}", case["tcId"]);
            }
        }
    }
}

#[test]
fn wycheproof_key_sets_give_the_one_key_that_can_be_used() {
    let mut seen = 0;
    for group in groups(include_str!("vectors/wycheproof_jwk.json")) {
        let keys = read(&published(&group));
        let names: Vec<&str> = keys.keys().iter().map(portcullis_token::PublicKey::kid).collect();
        let expected: &[&str] = match group["comment"].as_str().unwrap() {
            "jws_mixedSymmetryKeyset" => &["kid-ec-sign"],
            _ => &[],
        };
        assert_eq!(names, expected, "{}", group["comment"]);
        for case in cases(&group) {
            // Every valid token of the file has a shared secret, which is never published.
            assert!(!accepted(case, &keys), "{} {}", case["tcId"], case["comment"]);
            seen += 1;
        }
    }
    assert_eq!(seen, 18);
}

/// Without this, the refusals above could have any reason.
#[test]
fn wycheproof_keys_with_a_wrong_use_or_algorithm_are_refused_for_that_alone() {
    for (comment, member, value) in
        [("invalid_use", "use", "sig"), ("wrong_algorithm", "alg", "ES256")]
    {
        let groups = groups(include_str!("vectors/wycheproof_jwk.json"));
        let group = groups.iter().find(|group| group["comment"] == comment).unwrap();
        let mut document = published(group);
        document["keys"][0][member] = json!(value);
        assert!(accepted(&cases(group)[0], &read(&document)), "{comment}");
    }
}
