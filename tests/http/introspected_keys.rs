//! Introspection of API keys (RFC 7662): the answers of the check that requests with keys take.

use std::time::Duration;

use portcullis_domain::{ApiKeyId, Clock, SystemRandom};
use portcullis_rate_limit::BanPolicy;
use portcullis_testkit::{
    Answer, Browser, PASSWORD, SERVICE, TestDatabase, TestServer, TestSettings,
};
use portcullis_token::ApiKey;
use serde_json::{Value, json};

use crate::api_keys::create;
use crate::follower::basic;
use crate::member::Member;

const SECOND: Duration = Duration::from_secs(1);
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn ask(server: &TestServer, body: &str) -> Answer {
    let service = basic(SERVICE.0, SERVICE.1);
    let headers = [FORM, ("authorization", service.as_str())];
    Browser::at(server.origin()).send("POST", "/api/auth/introspect", &headers, body)
}

/// The state of a key for a client without an address.
fn introspect(server: &TestServer, key: &str) -> Value {
    let answer = ask(server, &format!("token={key}"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Panics unless the service is told that the key is inactive, and nothing else.
#[track_caller]
fn assert_inactive(server: &TestServer, key: &str) {
    assert_eq!(introspect(server, key), json!({ "active": false }));
}

fn within(owner: &Member, networks: &Value) -> String {
    let body = json!({ "name": "a", "scope": ["schedule:list"], "networks": networks,
        "current_password": PASSWORD });
    owner.post("/api/auth/api-keys", &body).field("key")
}

/// A well-formed key that does not exist.
fn unknown(server: &TestServer) -> String {
    let id = ApiKeyId::generate(server.clock().now(), &SystemRandom);
    ApiKey::generate(id, &SystemRandom).expose().to_owned()
}

fn uses(server: &TestServer) -> Vec<String> {
    server.record_key_uses();
    let query = "SELECT outcome || ' ' || details FROM security_events \
                 WHERE kind = 'api_key_used' ORDER BY at, outcome";
    server.database().store().texts(query).expect("the database answers")
}

#[test]
fn an_active_key_is_described_by_its_owner_and_scope_and_each_question_is_a_use() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        let created = create(&ada, &["schedule:list", "person:*"]);
        let (key, id) = (created.field("key"), created.json()["api_key"]["id"].clone());
        let expected = json!({
            "active": true, "token_type": "api_key", "iss": "https://auth.example.test",
            "sub": ada.account.to_string(), "key_id": id, "scope": "person:* schedule:list",
            "iat": 1_800_000_000, "exp": 1_800_000_000 + 90 * 24 * 60 * 60, "role": "msa",
            "kind": "developer", "password_must_change": false,
        });
        assert_eq!(introspect(&server, &key), expected);
        let hinted = format!("token={key}&token_type_hint=access_token&client_address=192.0.2.7");
        assert_eq!(ask(&server, &hinted).json(), expected);
        // The uses of each client are counted for themselves.
        let once = format!(r#"success {{"key":{id},"uses":1}}"#);
        assert_eq!(uses(&server), [once.clone(), once]);
        for text in ["pk_", &key[..61], &format!("{key}0"), &unknown(&server)] {
            assert_inactive(&server, text);
        }
        for address in ["", "192.0.2", "192.0.2.0/24", "localhost"] {
            let answer = ask(&server, &format!("token={key}&client_address={address}"));
            assert_eq!(answer.status, 400, "{address}");
        }
    });
}

#[test]
fn a_key_is_inactive_for_each_reason_that_a_request_with_it_is_refused_for() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let other = TestServer::start(server.database().shared());
        let admin = Member::new(&server, "grace", "admin");
        let mut ada = Member::developer(&server, "ada", "admin");
        let [created, revoked] = [0, 1].map(|_| create(&ada, &["schedule:list"]));
        let (key, gone) = (created.field("key"), revoked.field("key"));
        let path = format!("/api/admin/users/{}", ada.account);
        let change = |change: Value| {
            let json = [("content-type", "application/json")];
            assert_eq!(admin.send("PATCH", &path, &json, &change.to_string()).status, 200);
            server.clock().advance(SECOND);
        };
        change(json!({ "role": "msa" }));
        assert_eq!(introspect(&server, &key)["role"], "msa");
        server.clock().advance(4 * SECOND);
        change(json!({ "is_active": false }));
        assert_inactive(&server, &key);
        assert_inactive(&other, &key);
        change(json!({ "is_active": true }));
        assert_eq!(introspect(&server, &key)["active"], true);

        ada.sign_in_again("ada");
        assert_eq!(introspect(&other, &gone)["active"], true);
        let id = revoked.json()["api_key"]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/auth/api-keys/{id}");
        assert_eq!(ada.send("DELETE", &path, &[], "").status, 204);
        assert_inactive(&server, &gone);
        server.clock().advance(SECOND);
        assert_inactive(&other, &gone);

        server.clock().advance(90 * 24 * 60 * 60 * SECOND);
        assert_inactive(&server, &key);
        let recorded = uses(&server).concat();
        for outcome in ["success", "deactivated", "expired"] {
            assert!(recorded.contains(outcome), "{outcome} {recorded}");
        }
    });
}

#[test]
fn the_client_that_the_service_names_is_the_one_that_the_networks_of_a_key_are_for() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "msa");
    let key = within(&ada, &json!(["192.0.2.64/26", "2001:db8:1::/48"]));
    let is_active = |address: &str| {
        let answer = ask(&server, &format!("token={key}&client_address={address}"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["active"] == true
    };
    for address in [
        "192.0.2.64",
        "192.0.2.127",
        "::ffff:192.0.2.64",
        "2001:db8:1::",
        "2001:db8:1:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert!(is_active(address), "{address}");
    }
    for address in ["192.0.2.63", "192.0.2.128", "::ffff:192.0.2.63", "2001:db8:2::", "127.0.0.1"] {
        assert!(!is_active(address), "{address}");
    }
    assert_inactive(&server, &key);
    // The address of the service itself does not count.
    let local = within(&ada, &json!(["127.0.0.0/8"]));
    assert_inactive(&server, &local);
    // One for each client: four addresses outside, and a service that names none, for each key.
    let recorded = uses(&server);
    assert_eq!(recorded.iter().filter(|text| text.starts_with("outside_networks")).count(), 6);
}

#[test]
fn a_client_has_as_many_guesses_through_a_service_as_without_and_a_service_has_a_limit_too() {
    let bans = BanPolicy { offences: 1, ..BanPolicy::default() };
    let settings = TestSettings { bans, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let ada = Member::developer(&server, "ada", "msa");
    let key = create(&ada, &["schedule:list"]).field("key");
    let of = |client: &str, key: &str| {
        ask(&server, &format!("token={key}&client_address={client}")).status
    };
    for _ in 0..20 {
        assert_eq!(of("192.0.2.7", &unknown(&server)), 200);
    }
    assert_eq!(of("192.0.2.7", &unknown(&server)), 429);
    assert_eq!(of("::ffff:192.0.2.7", &unknown(&server)), 429);
    assert_eq!(of("192.0.2.7", &key), 200, "a right key is answered");
    assert_eq!(of("192.0.2.8", &unknown(&server)), 200, "another client");
    // A service that names another client each time, or none.
    let mut answered = 23;
    while ask(&server, &format!("token={}", unknown(&server))).status == 200 {
        answered += 1;
        assert!(answered < 1_000, "there is no limit");
    }
    assert!((198..=202).contains(&answered), "{answered}");
    assert_eq!(of("198.51.100.9", &unknown(&server)), 429);
    assert_eq!(of("198.51.100.9", &key), 200, "the service is not banned");
    server.clock().advance(60 * SECOND);
    assert_eq!(of("192.0.2.7", &unknown(&server)), 200);
}
