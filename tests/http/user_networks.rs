//! The networks and the password of another account, as an administrator sets them.

use portcullis_testkit::{Browser, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;

#[test]
fn an_administrator_reads_and_replaces_the_networks_of_an_account() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let path = format!("/api/admin/users/{}/ip-allowlist", ada.account);
        assert_eq!(grace.get(&path).json()["networks"], json!([]));
        let wanted = json!({ "networks": ["198.51.100.0/24"] });
        let replaced = grace.post(&path, &wanted);
        assert_eq!((replaced.status, &replaced.json()["networks"]), (200, &wanted["networks"]));
        assert_eq!(grace.get(&path).json(), replaced.json());
        assert_eq!(ada.get("/api/auth/me").status, 401, "its tokens are void");
        let outside = Browser::of(&server).sign_in_for_tokens("ada");
        assert_ne!(outside.status, 200, "the test is outside: {}", outside.text);
        let events = grace.get("/api/admin/audit?kind=networks_changed").json();
        assert_eq!(events["items"][0]["actor"], grace.account.to_string());
        let change = &events["items"][0]["details"]["changes"][0];
        assert_eq!(change["after"], "198.51.100.0/24");

        assert_eq!(grace.post(&path, &json!({ "networks": [] })).status, 200);
        assert_eq!(Browser::of(&server).sign_in_for_tokens("ada").status, 200);
        let own = format!("/api/admin/users/{}/ip-allowlist", grace.account);
        assert_eq!(grace.post(&own, &wanted).code(), "own_account");
        assert_eq!(grace.get("/api/admin/users/nobody/ip-allowlist").code(), "not_found");
        let wrong = grace.post(&path, &json!({ "networks": ["x"] }));
        assert_eq!(faults(&wrong)[0].0, "networks");
    });
}

#[test]
fn a_demanded_password_change_reaches_every_session_of_the_account() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let tokens = Browser::of(&server).sign_in_for_tokens("ada");
        let demand = |body: &Value| {
            let path = format!("/api/admin/users/{}", ada.account);
            let headers = [("content-type", "application/json")];
            grace.send("PATCH", &path, &headers, &body.to_string())
        };
        let changed = demand(&json!({ "password_must_change": true }));
        assert_eq!((changed.status, &changed.json()["password_must_change"]), (200, &json!(true)));
        assert_eq!(ada.get("/api/auth/sessions").code(), "invalid_token");
        let fresh = Browser::of(&server).refresh(&tokens.field("refresh_token"));
        assert_eq!(fresh.status, 200, "the session stays");
        let token = fresh.field("access_token");
        let refused = Browser::of(&server).get_as("/api/auth/sessions", &token);
        assert_eq!(refused.code(), "password_change_required");
        assert_eq!(demand(&json!({ "password_must_change": true })).status, 200);
        let events = grace.get("/api/admin/audit?kind=password_change_demanded").json();
        let [event] = events["items"].as_array().unwrap().as_slice() else { panic!("{events}") };
        let change = json!({ "field": "password_must_change", "before": "false", "after": "true" });
        assert_eq!(event["details"]["changes"], json!([change]));

        let back = demand(&json!({ "password_must_change": false }));
        let not_allowed = [("password_must_change".to_owned(), "not_allowed".to_owned())];
        assert_eq!(faults(&back), not_allowed, "only the holder ends it");
        let store = server.database().store();
        store
            .execute("UPDATE accounts SET password_hash = NULL, password_must_change = (1 = 0) WHERE username = 'ada'")
            .unwrap();
        let without = demand(&json!({ "password_must_change": true }));
        let no_password = [("password_must_change".to_owned(), "no_password".to_owned())];
        assert_eq!(faults(&without), no_password);
    });
}
