//! Signing keys for administrators: the list without secrets, rotation and retirement.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};
use portcullis_token::KeyPairAlgorithm;
use serde_json::{Value, json};

use crate::api_keys::create;
use crate::jwks::header;
use crate::member::Member;
use crate::registration::faults;

const PATH: &str = "/api/admin/signing-keys";

fn server(algorithm: Option<KeyPairAlgorithm>) -> TestServer {
    let settings = TestSettings { algorithm, ..TestSettings::default() };
    TestServer::with(TestDatabase::sqlite(), settings)
}

fn states(admin: &Member) -> Vec<(String, String)> {
    let listed = admin.get(PATH).json();
    let word = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
    let items = listed["items"].as_array().expect("a list");
    items.iter().map(|key| (word(key, "kid"), word(key, "state"))).collect()
}

fn retire(admin: &Member, kid: &str) -> portcullis_testkit::Answer {
    admin.send("POST", &format!("{PATH}/{kid}/retire"), &[], "")
}

/// Repeats the request until a node has loaded the keys.
#[track_caller]
fn soon(mut holds: impl FnMut() -> bool) {
    assert!((0..20_000).any(|_| holds()));
}

#[test]
fn an_administrator_rotates_the_key_and_retires_the_former_one() {
    let server = server(Some(KeyPairAlgorithm::EdDsa));
    let mut grace = Member::new(&server, "grace", "admin");
    let listed = grace.get(PATH).json();
    assert_eq!(listed["algorithm"], "EdDSA");
    let [first] = &states(&grace)[..] else { panic!("one key: {listed}") };
    let (first, state) = first.clone();
    assert_eq!(state, "signing");
    let members = ["algorithm", "created_at", "kid", "retired_at", "signs_from", "state"];
    let key = listed["items"][0].as_object().expect("an object");
    let mut names: Vec<_> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, members);

    let refused = retire(&grace, &first);
    assert_eq!((refused.status, refused.code().as_str()), (409, "key_signs"));
    let made = grace.send("POST", &format!("{PATH}/rotate"), &[], "");
    assert_eq!((made.status, made.field("state").as_str()), (201, "announced"));
    let urgent = grace.post(&format!("{PATH}/rotate"), &json!({ "now": true }));
    assert_eq!((urgent.status, urgent.field("algorithm").as_str()), (201, "EdDSA"));
    let kid = urgent.field("kid");
    server.clock().advance(Duration::from_secs(5));
    soon(|| states(&grace).contains(&(kid.clone(), "signing".to_owned())));
    // The node learns of the key a moment after the list.
    soon(|| {
        grace.sign_in_again("grace");
        header(&grace.token)["kid"] == kid.as_str()
    });
    assert_eq!(retire(&grace, &first).status, 204);
    assert!(states(&grace).contains(&(first.clone(), "retired".to_owned())));
    assert_eq!(retire(&grace, &first).code(), "key_retired");
    let unknown = retire(&grace, "nothing");
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "not_found"));

    for (kind, count) in [("signing_key_rotated", 2), ("signing_key_retired", 1)] {
        let actor = grace.account;
        let events = grace.get(&format!("/api/admin/audit?kind={kind}&actor={actor}")).json();
        assert_eq!(events["items"].as_array().map(Vec::len), Some(count), "{kind}: {events}");
    }
}

#[test]
fn under_a_shared_secret_a_key_pair_needs_an_algorithm_and_no_secret_is_shown() {
    let server = server(None);
    let grace = Member::new(&server, "grace", "admin");
    let listed = grace.get(PATH);
    assert_eq!(listed.json()["algorithm"], "HS256");
    assert_eq!(listed.json()["items"], json!([]));
    let shared = &listed.json()["shared_secrets"];
    assert_eq!(
        (&shared[0]["state"], &shared[0]["accepted_until"]),
        (&json!("signing"), &Value::Null)
    );
    assert_eq!(shared[0]["kid"].as_str().map(str::len), Some(16), "{shared}");
    let secret = portcullis_token::SharedSecret::of(&TestDatabase::secret());
    assert!(!listed.text.contains(&*secret.expose()));
    let refused = grace.post(&format!("{PATH}/rotate"), &json!({}));
    assert_eq!((refused.status, refused.code().as_str()), (409, "no_key_pairs"));
    let wrong = grace.post(&format!("{PATH}/rotate"), &json!({ "algorithm": "HS256" }));
    assert_eq!(faults(&wrong), [("algorithm".to_owned(), "unknown_algorithm".to_owned())]);
    let made = grace.post(&format!("{PATH}/rotate"), &json!({ "algorithm": "ES256" }));
    assert_eq!((made.status, made.field("algorithm").as_str()), (201, "ES256"));
    let kid = shared[0]["kid"].as_str().expect("a name");
    assert_eq!(retire(&grace, kid).code(), "key_signs");
}

#[test]
fn without_the_permissions_nobody_sees_or_changes_a_key() {
    let server = server(Some(KeyPairAlgorithm::EdDsa));
    let grace = Member::developer(&server, "grace", "admin");
    let coordinator = Member::new(&server, "ada", "coordinator");
    let (kid, _) = states(&grace).remove(0);
    let changes = [format!("{PATH}/rotate"), format!("{PATH}/{kid}/retire")];
    for (method, path) in [("GET", PATH), ("POST", &changes[0]), ("POST", &changes[1])] {
        let refused = coordinator.send(method, path, &[], "");
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{path}");
        assert!(!refused.text.contains(&kid), "{}", refused.text);
    }
    let key = create(&grace, &["*:*"]).field("key");
    let bearer = format!("Bearer {key}");
    assert_eq!(Browser::of(&server).get_as(PATH, &key).status, 200);
    for path in &changes {
        let headers = [("authorization", bearer.as_str())];
        let refused = Browser::of(&server).send("POST", path, &headers, "");
        assert_eq!((refused.status, refused.code().as_str()), (403, "api_key_not_accepted"));
    }
    assert_eq!(states(&grace), [(kid, "signing".to_owned())]);
}
