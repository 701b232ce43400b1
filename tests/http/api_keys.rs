//! API keys: creation, use within their scope, rotation, revocation, and what makes them invalid.

use std::time::Duration;

use portcullis_flows::access::permission;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer};
use portcullis_token::ApiKey;
use serde_json::{Value, json};

use crate::disavowal::disavow;
use crate::member::Member;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

/// A key with this scope.
pub(crate) fn create(owner: &Member, scope: &[&str]) -> Answer {
    let body = json!({ "name": "report", "scope": scope, "current_password": PASSWORD });
    let created = owner.post("/api/auth/api-keys", &body);
    assert_eq!(created.status, 201, "{}", created.text);
    created
}

fn password() -> Value {
    json!({ "current_password": PASSWORD })
}

/// The id of a new key.
fn id(created: &Answer) -> String {
    created.json()["api_key"]["id"].as_str().expect("an id").to_owned()
}

/// The caller of `me` with this key.
fn me(server: &TestServer, key: &str) -> Answer {
    Browser::of(server).get_as("/api/auth/me", key)
}

fn check(server: &TestServer, key: &str, resource: &str, action: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let body = json!({ "resource": resource, "action": action }).to_string();
    Browser::of(server).send("POST", "/api/authz/check", &headers, &body)
}

fn events(server: &TestServer, kind: &str) -> Vec<String> {
    let query = format!(
        "SELECT outcome || ' ' || details FROM security_events WHERE kind = '{kind}' ORDER BY at"
    );
    server.database().store().texts(&query).expect("the database answers")
}

#[test]
fn a_program_acts_as_its_developer_within_the_scope_of_its_key() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        let created = create(&ada, &["schedule:list", "person:*"]);
        let key = created.field("key");
        assert_eq!(created.json()["api_key"]["scope"], json!(["person:*", "schedule:list"]));
        assert_eq!(ApiKey::parse(&key).unwrap().id().to_string(), id(&created));
        let caller = me(&server, &key);
        assert_eq!((caller.status, caller.field("username")), (200, "ada".to_owned()));

        let allowed = |resource, action| check(&server, &key, resource, action).json();
        assert_eq!(allowed("schedule", "list")["allowed"], true);
        assert!(ada.check("schedule", "read").json()["allowed"] == true, "the role gives it");
        let refused = allowed("schedule", "read");
        assert_eq!(refused["allowed"], false, "the scope does not");
        let admin = Member::new(&server, "grace", "admin");
        let denied = format!("denied: outside the scope of the API key; API key {}", id(&created));
        let decision = refused["decision_id"].as_str().unwrap();
        let reason = admin.get(&format!("/api/admin/decisions/{decision}"));
        assert_eq!(reason.field("reason"), denied);
        assert_eq!(allowed("person", "update")["allowed"], false, "the role does not");

        let listed = ada.get("/api/auth/api-keys");
        assert_eq!(listed.json()["items"][0]["id"], created.json()["api_key"]["id"]);
        assert!(listed.json()["items"][0]["last_used_at"].is_null());
        server.record_key_uses();
        let used = format!(r#"success {{"key":"{}","uses":4}}"#, id(&created));
        assert_eq!(events(&server, "api_key_used"), [used]);
        assert!(ada.get("/api/auth/api-keys").json()["items"][0]["last_used_at"].is_string());
        let secret = &key[26..56];
        for text in [&listed.text, &events(&server, "api_key_created").concat()] {
            assert!(!text.contains(secret), "{text}");
        }
    });
}

#[test]
fn a_key_asks_for_no_more_than_its_owner_has_and_people_have_none() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        let joan = Member::new(&server, "joan", "msa");
        let post = |member: &Member, body: &Value| {
            let mut body = body.clone();
            body["current_password"] = json!(PASSWORD);
            member.post("/api/auth/api-keys", &body)
        };
        let body = json!({ "name": "report", "scope": ["schedule:list"] });
        assert_eq!(post(&joan, &body).code(), "no_api_keys");
        let faults = |body: Value| {
            let refused = post(&ada, &body);
            assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
            let errors = refused.json()["errors"].as_array().unwrap().clone();
            let fault = |error: &Value| format!("{} {}", error["field"], error["code"]);
            errors.iter().map(fault).collect::<Vec<_>>().join(", ").replace('"', "")
        };
        let scope = ["schedule:list"];
        for (body, expected) in [
            (json!({ "name": "a", "scope": ["user:delete"] }), "scope beyond_role"),
            (json!({ "name": "a", "scope": ["token:introspect"] }), "scope beyond_role"),
            (json!({ "name": "a", "scope": ["nothing:read"] }), "scope beyond_role"),
            (json!({ "name": "a", "scope": [] }), "scope too_short"),
            (json!({ "name": "a", "scope": ["schedule"] }), "scope malformed"),
            (json!({ "name": "a", "scope": vec!["a:b"; 101] }), "scope too_long"),
            (
                json!({ "name": "a", "scope": scope, "networks": ["10.0.0.1/8"] }),
                "networks host_bits",
            ),
            (
                json!({ "name": " ", "scope": scope, "networks": ["x"] }),
                "name malformed, networks malformed",
            ),
            (json!({ "name": "a", "scope": scope, "days": 0 }), "days out_of_range"),
            (json!({ "name": "a", "scope": scope, "days": 366 }), "days out_of_range"),
        ] {
            assert_eq!(faults(body.clone()), expected, "{body}");
        }
        (0..50).for_each(|_| drop(create(&ada, &scope)));
        let more = post(&ada, &body);
        assert_eq!((more.status, more.code().as_str()), (409, "too_many_api_keys"));
    });
}

#[test]
fn a_replaced_key_stays_valid_for_the_overlap_and_its_successor_for_the_lifetime() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut ada = Member::developer(&server, "ada", "msa");
        let created = create(&ada, &["schedule:list"]);
        let (first, id) = (created.field("key"), id(&created));
        let path = format!("/api/auth/api-keys/{id}/rotate");
        let rotated =
            ada.post(&path, &json!({ "overlap_hours": 48, "current_password": PASSWORD }));
        assert_eq!(rotated.status, 201, "{}", rotated.text);
        let second = rotated.field("key");
        assert_eq!(rotated.json()["api_key"]["scope"], created.json()["api_key"]["scope"]);
        for key in [&first, &second] {
            assert_eq!(me(&server, key).status, 200);
        }
        let recorded = events(&server, "api_key_rotated").concat();
        assert!(recorded.contains(&format!(r#""replaces":"{id}""#)), "{recorded}");

        server.clock().advance(2 * DAY);
        let over = me(&server, &first);
        assert_eq!((over.status, over.code().as_str()), (401, "api_key_expired"));
        assert_eq!(me(&server, &second).status, 200);
        ada.sign_in_again("ada");
        assert_eq!(ada.post(&path, &password()).code(), "not_found", "it is over");
        server.clock().advance(88 * DAY);
        assert_eq!(me(&server, &second).code(), "api_key_expired");
        ada.sign_in_again("ada");
        assert_eq!(ada.get("/api/auth/api-keys").json()["items"].as_array().unwrap().len(), 2);
        server.clock().advance(30 * DAY + SECOND);
        assert!(server.jobs().run_due());
        ada.sign_in_again("ada");
        assert_eq!(ada.get("/api/auth/api-keys").json()["items"], json!([]), "it is forgotten");
        assert_eq!(me(&server, &second).code(), "invalid_api_key");
    });
}

#[test]
fn a_revoked_key_is_refused_on_every_node_within_a_second() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        let other = TestServer::start(server.database().shared());
        let joan = Member::developer(&server, "joan", "msa");
        let created = create(&ada, &["schedule:list"]);
        let (key, path) = (created.field("key"), format!("/api/auth/api-keys/{}", id(&created)));
        let on_other = || Browser::at(other.origin()).get_as("/api/auth/me", &key);
        assert_eq!((me(&server, &key).status, on_other().status), (200, 200));
        assert_eq!(joan.send("DELETE", &path, &[], "").code(), "not_found", "it is not hers");
        assert_eq!(ada.send("DELETE", &path, &[], "").status, 204);
        assert_eq!(me(&server, &key).code(), "invalid_api_key");
        server.clock().advance(SECOND);
        let refused = on_other();
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
        assert_eq!(ada.send("DELETE", &path, &[], "").code(), "not_found");
        assert!(events(&server, "api_key_revoked")[0].contains(r#""name":"report""#));
    });
}

#[test]
fn a_key_sleeps_with_its_owner_shrinks_with_the_role_and_dies_with_the_account() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = Member::new(&server, "grace", "admin");
        let ada = Member::developer(&server, "ada", "admin");
        let (resource, action) = permission::READ_ACCOUNT;
        let key = create(&ada, &[&format!("{resource}:{action}")]).field("key");
        let path = format!("/api/admin/users/{}", ada.account);
        let read = || Browser::of(&server).get_as(&path, &key);
        assert_eq!(read().status, 200);
        let change = |admin: &Member, change: Value| {
            let json = [("content-type", "application/json")];
            let changed = admin.send("PATCH", &path, &json, &change.to_string());
            assert_eq!(changed.status, 200, "{}", changed.text);
            server.clock().advance(SECOND);
        };
        change(&admin, json!({ "role": "msa" }));
        assert_eq!(read().code(), "forbidden");
        server.clock().advance(4 * SECOND);
        change(&admin, json!({ "role": "admin" }));
        assert_eq!(read().status, 200);
        change(&admin, json!({ "is_active": false }));
        let asleep = me(&server, &key);
        assert_eq!((asleep.status, asleep.code().as_str()), (403, "api_key_owner_inactive"));
        change(&admin, json!({ "is_active": true }));
        assert_eq!(me(&server, &key).status, 200);
        admin.sign_in_again("grace");
        assert_eq!(admin.send("DELETE", &path, &[], "").status, 204);
        server.clock().advance(SECOND);
        assert_eq!(me(&server, &key).code(), "invalid_api_key");
        let rows = server.database().store().number("SELECT count(*) FROM api_keys");
        assert_eq!(rows.unwrap(), 0);
    });
}

#[test]
fn a_key_is_used_from_its_networks_only() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "msa");
    let within = |networks: Value| {
        let body = json!({ "name": "a", "scope": ["schedule:list"], "networks": networks,
            "current_password": PASSWORD });
        ada.post("/api/auth/api-keys", &body).field("key")
    };
    let elsewhere = me(&server, &within(json!(["192.0.2.0/24"])));
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (403, "outside_networks"));
    assert_eq!(me(&server, &within(json!(["192.0.2.0/24", "127.0.0.0/8"]))).status, 200);
    assert_eq!(me(&server, &within(json!(["::ffff:127.0.0.1"]))).status, 200);
    let spoofed = format!("Bearer {}", within(json!(["192.0.2.0/24"])));
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let value = if header == "forwarded" { "for=192.0.2.1" } else { "192.0.2.1" };
        let headers = [("authorization", spoofed.as_str()), (header, value)];
        let refused = Browser::of(&server).send("GET", "/api/auth/me", &headers, "");
        assert_eq!(refused.code(), "outside_networks", "{header}");
    }
    server.record_key_uses();
    let recorded = events(&server, "api_key_used");
    assert_eq!(recorded.iter().filter(|text| text.starts_with("outside_networks")).count(), 2);
}

#[test]
fn no_row_that_somebody_else_wrote_is_a_key() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        let eve = Member::developer(&server, "eve", "admin");
        let created = create(&ada, &["schedule:list"]);
        let (key, other) = (created.field("key"), id(&create(&eve, &["user:read"])));
        let store = server.database().store();
        let stored = |id: &str| {
            if server.database().url().starts_with("sqlite") {
                format!("x'{}'", id.replace('-', ""))
            } else {
                format!("'{id}'")
            }
        };
        let (mine, theirs) = (stored(&id(&created)), stored(&other));
        let eve = stored(&eve.account.to_string());
        let count = |key: &str| {
            server.clock().advance(SECOND);
            me(&server, key).code()
        };
        for change in [
            format!("account_id = {eve}"),
            format!("sealed = (SELECT sealed FROM api_keys WHERE id = {theirs})"),
        ] {
            let copy = "CREATE TABLE former AS SELECT * FROM api_keys";
            store.execute(copy).unwrap();
            store.execute(&format!("UPDATE api_keys SET {change} WHERE id = {mine}")).unwrap();
            assert_eq!(count(&key), "invalid_api_key", "{change}");
            store.execute("DELETE FROM api_keys").unwrap();
            store.execute("INSERT INTO api_keys SELECT * FROM former").unwrap();
            store.execute("DROP TABLE former").unwrap();
            server.clock().advance(SECOND);
            assert_eq!(me(&server, &key).status, 200, "restored");
        }
        // The column is for lists: the sealed end decides.
        let rotated = ada.post(
            &format!("/api/auth/api-keys/{}/rotate", id(&created)),
            &json!({ "overlap_hours": 0, "current_password": PASSWORD }),
        );
        assert_eq!(rotated.status, 201, "{}", rotated.text);
        let later = "UPDATE api_keys SET expires_at = (SELECT max(expires_at) FROM api_keys)";
        store.execute(later).unwrap();
        assert_eq!(count(&key), "api_key_expired");
    });
}

#[test]
fn of_thirty_rotations_at_once_one_makes_a_successor_also_for_the_fiftieth_key() {
    TestDatabase::on_both_crowded(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        (0..49).for_each(|_| drop(create(&ada, &["schedule:list"])));
        let id = id(&create(&ada, &["schedule:list"]));
        let path = format!("/api/auth/api-keys/{id}/rotate");
        let answers = portcullis_testkit::at_once(30, |_| ada.post(&path, &password()));
        let done: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(done.len(), 1);
        assert_eq!(me(&server, &done[0].field("key")).status, 200);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!((answer.status, answer.code().as_str()), (409, "api_key_replaced"));
        }
        let body = json!({ "name": "b", "scope": ["schedule:list"], "current_password": PASSWORD });
        assert_eq!(ada.post("/api/auth/api-keys", &body).code(), "too_many_api_keys");
    });
}

#[test]
fn the_holder_is_told_of_a_new_key_and_the_link_of_the_alert_ends_every_key() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        server.database().mails();
        let of_the_thief = create(&ada, &["*:*"]).field("key");
        let alerts = server.database().mails();
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].mail.kind(), "api_key_created");
        let link = alerts[0].token.clone().expect("a link");
        assert!(disavow(&server, &link).status < 300);
        server.clock().advance(SECOND);
        assert_eq!(me(&server, &of_the_thief).code(), "invalid_api_key");
        let reset = server.database().only_link();
        let body = json!({ "token": reset, "new_password": "maple-canoe-drifts-past-3-herons" });
        let headers = [("content-type", "application/json")];
        let reset = Browser::of(&server).send(
            "POST",
            "/api/auth/password/reset",
            &headers,
            &body.to_string(),
        );
        assert!(reset.status < 300, "{}", reset.text);
        server.clock().advance(SECOND);
        assert_eq!(me(&server, &of_the_thief).code(), "invalid_api_key", "also after the reset");
    });
}

#[test]
fn a_stolen_token_alone_makes_no_key_and_reads_none() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::developer(&server, "ada", "msa");
        let created = create(&ada, &["schedule:list"]);
        let path = format!("/api/auth/api-keys/{}/rotate", id(&created));
        let wanted = json!({ "name": "b", "scope": ["schedule:list"] });
        for (path, body) in [("/api/auth/api-keys", &wanted), (path.as_str(), &json!({}))] {
            let without = ada.post(path, body);
            assert_eq!((without.status, without.code().as_str()), (400, "invalid_request"));
            let mut body = body.clone();
            body["current_password"] = json!("not this one at all");
            let wrong = ada.post(path, &body);
            assert_eq!((wrong.status, wrong.code().as_str()), (403, "wrong_password"), "{path}");
        }
        let keys = ada.get("/api/auth/api-keys");
        assert_eq!(keys.json()["items"].as_array().unwrap().len(), 1);
        assert!(!keys.text.contains(&created.field("key")));
        let refused = "SELECT kind || ' ' || outcome FROM security_events \
                       WHERE outcome = 'wrong_password' ORDER BY kind";
        let refused = server.database().store().texts(refused).unwrap();
        assert_eq!(refused, ["api_key_created wrong_password", "api_key_rotated wrong_password"]);
    });
}
