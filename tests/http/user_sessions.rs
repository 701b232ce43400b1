//! The sessions of other accounts: listed, and ended one by one.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer, samples};
use serde_json::{Value, json};

use crate::api_keys::create;
use crate::member::Member;

#[test]
fn an_administrator_sees_the_sessions_of_an_account_and_ends_one_of_them() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        server.clock().advance(Duration::from_secs(1));
        let other = Browser::of(&server).sign_in_for_tokens("ada");
        let path = format!("/api/admin/users/{}/sessions", ada.account);
        let listed = grace.get(&path).json();
        let mut own = ada.get("/api/auth/sessions").json();
        for item in own["items"].as_array_mut().unwrap() {
            item["current"] = json!(false);
        }
        assert_eq!(listed, own, "as the holder sees them");
        assert_eq!(listed["items"][0]["id"], other.field("session_id"));

        let one = format!("{path}/{}", other.field("session_id"));
        let end = |path: &str| grace.send("DELETE", path, &[], "");
        assert_eq!(end(&one).status, 204);
        for _ in ["at once", "after a restart"] {
            let token = other.field("access_token");
            assert_eq!(Browser::of(&server).get_as("/api/auth/me", &token).code(), "invalid_token");
            assert_eq!(ada.at(server.origin()).get("/api/auth/me").status, 200);
            server.restart();
        }
        let grace = grace.at(server.origin());
        let refresh = Browser::of(&server).refresh(&other.field("refresh_token"));
        assert_eq!(refresh.code(), "invalid_refresh_token");
        let events = grace.get("/api/admin/audit?kind=session_ended").json();
        let [event] = events["items"].as_array().unwrap().as_slice() else { panic!("{events}") };
        assert_eq!(event["actor"], grace.account.to_string());
        assert_eq!(event["subject"], ada.account.to_string());
        assert_eq!(event["session"], other.field("session_id"));
    });
}

#[test]
fn a_session_that_is_over_or_of_another_account_is_unknown() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    let joan = Member::new(&server, "joan", "msa");
    let session = Browser::of(&server).sign_in_for_tokens("joan").field("session_id");
    let end = |account: &Member, session: &str| {
        let path = format!("/api/admin/users/{}/sessions/{session}", account.account);
        grace.send("DELETE", &path, &[], "").status
    };
    assert_eq!(end(&ada, &session), 404);
    assert_eq!(end(&joan, "nothing"), 404);
    assert_eq!((end(&joan, &session), end(&joan, &session)), (204, 404));
    assert_eq!(grace.get("/api/admin/users/nobody/sessions").code(), "not_found");
    let nobody = "/api/admin/users/019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15/sessions";
    assert_eq!(grace.get(nobody).code(), "not_found");
}

#[test]
fn nobody_changes_what_belongs_to_a_senior_account() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::developer(&server, "grace", "admin");
    let created = create(&grace, &["schedule:list"]).json();
    let key = created["api_key"]["id"].as_str().unwrap();
    let matrix = samples::MATRIX.replace(
        "juniors = [\"faculty\", \"clinical_staff\", \"resident\"]\ngrants = [",
        "juniors = [\"faculty\", \"clinical_staff\", \"resident\"]\ngrants = [\n    \
         { resources = [\"user\"], actions = [\"list\", \"read\", \"update\", \"reject\"] },",
    );
    let stored = grace.post("/api/admin/matrix/versions", &json!({ "text": matrix }));
    assert_eq!(stored.status, 201, "{}", stored.text);
    let activated = grace.post("/api/admin/matrix/activate", &stored.json());
    assert_eq!(activated.status, 200, "{}", activated.text);
    let ada = Member::new(&server, "ada", "coordinator");
    let session = Browser::of(&server).sign_in_for_tokens("grace").field("session_id");
    let users = format!("/api/admin/users/{}", grace.account);
    let json_type = [("content-type", "application/json")];
    for (method, path, body) in [
        ("DELETE", format!("{users}/sessions/{session}"), String::new()),
        ("DELETE", format!("{users}/api-keys/{key}"), String::new()),
        ("DELETE", format!("{users}/lockout"), String::new()),
        ("POST", format!("{users}/ip-allowlist"), json!({ "networks": [] }).to_string()),
        ("PATCH", users.clone(), json!({ "password_must_change": true }).to_string()),
    ] {
        let headers = if body.is_empty() { &json_type[..0] } else { &json_type[..] };
        let refused = ada.send(method, &path, headers, &body);
        assert_eq!((refused.status, refused.code().as_str()), (403, "above_own_role"), "{path}");
    }
    assert_eq!(ada.get(&format!("{users}/sessions")).status, 200, "reading has no such rule");
    let refused = grace.get("/api/admin/audit?outcome=against_rules").json();
    assert_eq!(refused["items"].as_array().unwrap().len(), 5, "{refused}");
}

#[test]
fn the_sessions_of_all_accounts_are_listed_newest_first_without_those_that_are_over() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let names = ["ada", "bob", "carl"];
        let members = names.map(|name| Member::new(&server, name, "msa"));
        server.clock().advance(Duration::from_secs(8 * 24 * 60 * 60));
        Browser::of(&server).sign_in_for_tokens("bob");
        server.clock().advance(Duration::from_secs(1));
        Browser::of(&server).sign_in_for_tokens("ada");
        server.clock().advance(Duration::from_secs(1));
        let grace = Member::new(&server, "grace", "admin");
        let all = grace.get("/api/admin/sessions").json();
        assert_eq!(names_of(&all), ["grace", "ada", "bob"], "others were not used for a week");
        assert_eq!(all["items"][0]["session"]["current"], true);
        assert_eq!(all["items"][1]["account_id"], members[0].account.to_string());

        let mut path = "/api/admin/sessions?limit=2".to_owned();
        let mut found = Vec::new();
        loop {
            let page = grace.get(&path);
            assert_eq!(page.status, 200, "{}", page.text);
            found.extend(names_of(&page.json()));
            let Some(link) = page.header("link") else { break };
            path = link.trim_start_matches('<').split_once('>').unwrap().0.to_owned();
        }
        assert_eq!(found, ["grace", "ada", "bob"]);
        let recorded = grace.get("/api/admin/audit?kind=sessions_listed").json();
        assert_eq!(recorded["items"].as_array().unwrap().len(), 4, "{recorded}");
        for wrong in ["limit=0", "limit=201", "cursor=x", "page=2"] {
            let refused = grace.get(&format!("/api/admin/sessions?{wrong}"));
            assert_eq!(refused.code(), "invalid_request", "{wrong}");
        }
    });
}

fn names_of(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|item| item["username"].as_str().expect("a name").to_owned()).collect()
}
