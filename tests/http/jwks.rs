//! The published keys, and the verification of access tokens with them in another language.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::node::signing_key::KeyRing;
use portcullis_flows::node::signing_key::{ActivationDelay, SigningKeyStore};
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings, samples};
use portcullis_token::KeyPairAlgorithm;
use serde_json::Value;

use crate::member::Member;
use crate::pyjwt;

const PATH: &str = "/.well-known/jwks.json";

#[test]
fn tokens_verify_in_pyjwt_before_during_and_after_a_rotation() {
    for algorithm in [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256] {
        let server = server(algorithm);
        let verify = |token: &str| pyjwt::verify(&server, algorithm.name(), token);
        let mut ada = Member::new(&server, "ada", "msa");
        let before = ada.token.clone();
        let claims = verify(&before).expect("PyJWT accepts it");
        assert_eq!(
            (&claims["sub"], &claims["role"]),
            (&ada.account.to_string().into(), &"msa".into())
        );

        let node = server.of_node::<KeyRing>();
        let made = node.keys().rotate(algorithm, ActivationDelay::Full, &samples::operator());
        let next = made.expect("the database answers").public.kid().to_owned();
        until(|| kids(&server).contains(&next));
        assert_eq!(kids(&server).len(), 2);
        ada.sign_in_again("ada");
        let during = ada.token.clone();
        assert_eq!(header(&during), header(&before), "the new key does not sign yet");
        for token in [&before, &during] {
            assert!(verify(token).is_ok());
        }

        server.clock().advance(Duration::from_secs(5 * 60));
        until(|| {
            ada.sign_in_again("ada");
            header(&ada.token)["kid"] == next.as_str()
        });
        let after = ada.token.clone();
        assert_eq!(header(&after)["alg"], algorithm.name());
        for token in [&before, &during, &after] {
            assert!(verify(token).is_ok());
            let forged = promoted(token);
            assert_eq!(verify(&forged), Err("InvalidSignatureError".to_owned()));
            let answer = Browser::of(&server).get_as("/api/auth/me", &forged);
            assert_eq!(answer.code(), "invalid_token");
        }
        assert_eq!(Browser::of(&server).get_as("/api/auth/me", &during).status, 200);

        server.clock().advance(Duration::from_secs(31 * 60));
        until(|| kids(&server) == [next.as_str()]);
        assert_eq!(verify(&during), Err("PyJWKClientError".to_owned()), "its key has retired");
        assert_eq!(verify(&after), Err("ExpiredSignatureError".to_owned()));
    }
}

#[test]
fn a_retired_key_is_gone_from_the_set_and_its_tokens_are_refused() {
    let server = server(KeyPairAlgorithm::EdDsa);
    let ada = Member::new(&server, "ada", "msa");
    assert_eq!(ada.get("/api/auth/me").status, 200);
    let kid = header(&ada.token)["kid"].as_str().expect("a token names its key").to_owned();
    let event = samples::event(EventKind::SigningKeyRetired, Outcome::Success, samples::NOW);
    let store = server.database().store();
    assert!(store.retire(&kid, event.at, &event.into()).expect("the database answers"));
    // A server that signs with key pairs always has one.
    until(|| kids(&server).len() == 1 && !kids(&server).contains(&kid));
    assert_eq!(ada.get("/api/auth/me").code(), "invalid_token");
    let verdict = pyjwt::verify(&server, "EdDSA", &ada.token);
    assert_eq!(verdict.err().as_deref(), Some("PyJWKClientError"));
}

#[test]
fn the_set_holds_public_halves_only_and_may_be_kept_for_five_minutes() {
    for algorithm in [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256] {
        let server = server(algorithm);
        let mut client = Browser::of(&server);
        let answer = client.get(PATH, &[]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        let set = answer.json();
        let key = set["keys"][0].as_object().expect("there is a key");
        let members: Vec<&str> = key.keys().map(String::as_str).collect();
        let expected: &[&str] = match algorithm {
            KeyPairAlgorithm::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
            KeyPairAlgorithm::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            other => panic!("{other} needs members of its own"),
        };
        assert_eq!(members, expected);

        let tag = answer.header("etag").expect("there is a tag").to_owned();
        for known in [tag.as_str(), "*", &format!("\"other\", W/{tag}")] {
            let answer = client.get(PATH, &[("if-none-match", known)]);
            assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{known}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        for other in ["\"other\"", "nonsense"] {
            let answer = client.get(PATH, &[("if-none-match", other)]);
            assert_eq!((answer.status, answer.json()), (200, set.clone()), "{other}");
        }
        let node = server.of_node::<KeyRing>();
        let made = node.keys().rotate(algorithm, ActivationDelay::Full, &samples::operator());
        made.expect("the database answers");
        until(|| client.get(PATH, &[("if-none-match", &tag)]).status == 200);
    }
}

#[test]
fn under_hs256_the_set_is_empty() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::new(&server, "ada", "msa");
    assert_eq!(header(&ada.token)["alg"], "HS256");
    let answer = Browser::of(&server).get(PATH, &[]);
    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"keys":[]}"#));
}

fn server(algorithm: KeyPairAlgorithm) -> TestServer {
    let mut settings = TestSettings { algorithm: Some(algorithm), ..TestSettings::default() };
    // Repeated sign-ins until the key changes must not end earlier sessions.
    settings.sessions.most_sessions = 1000;
    TestServer::with(TestDatabase::sqlite(), settings)
}

fn kids(server: &TestServer) -> Vec<String> {
    let set = Browser::of(server).get(PATH, &[]).json();
    let keys = set["keys"].as_array().expect("a set has keys");
    keys.iter().map(|key| key["kid"].as_str().expect("a key has a name").to_owned()).collect()
}

/// The header of a token.
pub(crate) fn header(token: &str) -> Value {
    decoded(token.split('.').next().expect("a token has parts"))
}

/// The token changed by a forger without the key.
fn promoted(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = decoded(parts[1]);
    claims["role"] = "admin".into();
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    [parts[0], &claims, parts[2]].join(".")
}

fn decoded(part: &str) -> Value {
    let json = URL_SAFE_NO_PAD.decode(part).expect("a part is base64url");
    serde_json::from_slice(&json).expect("a part is JSON")
}

/// The server reloads the keys once a second.
fn until(mut holds: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    let end = clock.monotonic() + Duration::from_secs(10);
    while !holds() {
        assert!(clock.monotonic() < end, "not within ten seconds");
    }
}
