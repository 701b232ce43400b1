//! API keys at another service: the guard crate asks this server, and refuses what the server refuses.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_guard::access::{DecisionContext, Matrix};
use portcullis_guard::{ClientAddress, Guard, WhenStale};
use portcullis_testkit::{Browser, PASSWORD, SERVICE, TestDatabase, TestServer, TestSettings};
use portcullis_token::KeyPairAlgorithm;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::api_keys::create;
use crate::member::Member;

const SECOND: Duration = Duration::from_secs(1);
const INACTIVE: &str = "an API key that is not active";

/// Another service, which follows a server.
struct Service {
    runtime: Runtime,
    guard: Guard,
}

impl Service {
    fn of(server: &TestServer, (name, secret): (&str, &str)) -> Self {
        let runtime = Runtime::new().expect("the system gives threads");
        let matrix = include_str!("../../config/access_matrix.toml");
        let guard = Guard::builder("https://auth.example.test", "portcullis")
            .reached_at(server.origin())
            .credential(name, secret)
            .when_stale(WhenStale::Refuse, Duration::from_secs(10))
            .matrix(Matrix::parse(matrix).expect("the default matrix"))
            .clock(server.database().clock().clone())
            .api_keys();
        let guard = runtime.block_on(guard.connect()).expect("the server is there");
        Self { runtime, guard }
    }

    /// Whether the key may do this from there; otherwise the reason.
    fn ask(&self, key: &str, (resource, action): (&str, &str), from: &str) -> Result<(), String> {
        let value = format!("Bearer {key}");
        let client = from.parse::<IpAddr>().ok().map(ClientAddress::new);
        let admitted = self.runtime.block_on(self.guard.admit([value.as_bytes()], client));
        let caller = admitted.map_err(|refusal| refusal.to_string())?;
        let permitted = self.guard.permit(&caller, resource, action, &DecisionContext::default());
        permitted.map_err(|refusal| refusal.to_string())
    }

    fn lists(&self, key: &str) -> Result<(), String> {
        self.ask(key, ("schedule", "list"), "")
    }
}

fn start(database: TestDatabase) -> TestServer {
    let algorithm = Some(KeyPairAlgorithm::EdDsa);
    TestServer::with(database, TestSettings { algorithm, ..TestSettings::default() })
}

#[test]
fn another_service_accepts_a_key_within_its_scope_until_it_is_revoked_on_any_node() {
    TestDatabase::on_both(|database| {
        let server = start(database);
        let other = start(server.database().shared());
        let ada = Member::developer(&server, "ada", "msa");
        let created = create(&ada, &["schedule:list", "person:*"]);
        let key = created.field("key");
        let services = [&server, &other].map(|node| Service::of(node, SERVICE));
        for service in &services {
            assert_eq!(service.lists(&key), Ok(()));
            let refused = service.ask(&key, ("schedule", "read"), "").unwrap_err();
            assert!(refused.contains("no scope for schedule read"), "{refused}");
            let refused = service.ask(&key, ("person", "update"), "").unwrap_err();
            assert!(refused.starts_with("msa "), "the role does not allow it: {refused}");
        }
        let path =
            format!("/api/auth/api-keys/{}", created.json()["api_key"]["id"].as_str().unwrap());
        assert_eq!(ada.send("DELETE", &path, &[], "").status, 204);
        server.clock().advance(SECOND);
        for service in &services {
            assert_eq!(service.lists(&key).unwrap_err(), INACTIVE);
        }
    });
}

#[test]
fn a_change_of_the_owner_reaches_another_service_within_a_second() {
    let server = start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::developer(&server, "ada", "admin");
    let key = create(&ada, &["user:delete", "schedule:list"]).field("key");
    let service = Service::of(&server, SERVICE);
    let deletes = || service.ask(&key, ("user", "delete"), "");
    let change = |change: Value| {
        let json = [("content-type", "application/json")];
        let path = format!("/api/admin/users/{}", ada.account);
        assert_eq!(admin.send("PATCH", &path, &json, &change.to_string()).status, 200);
        server.clock().advance(SECOND);
    };
    assert_eq!(deletes(), Ok(()));
    change(json!({ "role": "msa" }));
    assert!(deletes().unwrap_err().starts_with("msa "));
    assert_eq!(service.lists(&key), Ok(()));
    change(json!({ "is_active": false }));
    assert_eq!(service.lists(&key).unwrap_err(), INACTIVE);
    change(json!({ "is_active": true }));
    assert_eq!(service.lists(&key), Ok(()));
}

#[test]
fn another_service_accepts_a_key_from_its_networks_only() {
    let server = start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "msa");
    let body = json!({ "name": "a", "scope": ["schedule:list"], "current_password": PASSWORD,
        "networks": ["192.0.2.64/26", "2001:db8:1::/48"] });
    let key = ada.post("/api/auth/api-keys", &body).field("key");
    let service = Service::of(&server, SERVICE);
    let from = |address: &str| service.ask(&key, ("schedule", "list"), address);
    for address in [
        "192.0.2.64",
        "192.0.2.127",
        "::ffff:192.0.2.64",
        "2001:db8:1::",
        "2001:db8:1:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert_eq!(from(address), Ok(()), "{address}");
    }
    for address in ["192.0.2.63", "192.0.2.128", "::ffff:192.0.2.128", "2001:db8:2::", ""] {
        assert_eq!(from(address).unwrap_err(), INACTIVE, "{address}");
    }
}

#[test]
fn a_guard_may_itself_have_the_key_of_a_service_account() {
    let server = start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "msa");
    let key = create(&ada, &["schedule:list"]).field("key");
    let robot = Member::developer(&server, "robot", "msa");
    let kind = "UPDATE accounts SET kind = 'service' WHERE username = 'robot'";
    server.database().store().execute(kind).expect("the database answers");
    let scope = ["revocation:read", "token:introspect"];
    let own = create(&robot, &scope).field("key");
    assert_eq!(Service::of(&server, ("robot", &own)).lists(&key), Ok(()));
    let me = Browser::of(&server).get_as("/api/auth/me", &own);
    assert_eq!(me.field("username"), "robot");
}

#[test]
fn without_the_server_another_service_refuses_keys() {
    let server = start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "msa");
    let key = create(&ada, &["schedule:list"]).field("key");
    let service = Service::of(&server, SERVICE);
    assert_eq!(service.lists(&key), Ok(()));
    let clock = server.database().clock().clone();
    drop(server);
    clock.advance(SECOND);
    let refused = service.lists(&key).unwrap_err();
    assert_eq!(refused, "an API key that the server has not checked");
}
