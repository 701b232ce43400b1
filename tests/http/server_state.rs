//! The state of the server for administrators: its jobs, and the settings in force.

use portcullis_testkit::{Browser, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::api_keys::create;
use crate::member::Member;

const JOBS: &str = "/api/admin/jobs";
const SETTINGS: &str = "/api/admin/settings";

fn item(answer: &Value, name: &str, word: &str) -> Value {
    let items = answer["items"].as_array().expect("a list");
    let found = items.iter().find(|item| item[name] == word);
    found.unwrap_or_else(|| panic!("{word} is not listed")).clone()
}

#[test]
fn the_jobs_of_the_node_are_listed_with_their_runs_here_and_everywhere() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let grace = Member::new(&server, "grace", "admin");
        let fail = "DROP TABLE ban_revision";
        let job = |name: &str| item(&grace.get(JOBS).json(), "name", name);
        let soon = |holds: &dyn Fn() -> bool| assert!((0..20_000).any(|_| holds()));

        soon(&|| job("bans")["this_node"]["runs"].as_u64() > Some(0));
        let bans = job("bans");
        assert_eq!((&bans["every_ms"], &bans["exclusive"]), (&json!(1000), &json!(false)));
        assert_eq!(bans["all_nodes"], Value::Null);
        assert_eq!(bans["this_node"]["last_result"], "succeeded");
        assert!(bans["this_node"]["last_run_at"].is_string(), "{bans}");

        assert!(server.jobs().run_due(), "another node runs the exclusive jobs");
        let sessions = job("sessions");
        assert_eq!(
            (&sessions["every_ms"], &sessions["exclusive"]),
            (&json!(600_000), &json!(true))
        );
        assert_eq!(sessions["all_nodes"]["last_result"], "succeeded");
        assert!(sessions["all_nodes"]["due_at"].is_string(), "{sessions}");

        server.database().store().execute(fail).expect("the database answers");
        soon(&|| job("bans")["this_node"]["failures_in_a_row"].as_u64() > Some(0));
        assert_eq!(job("bans")["this_node"]["last_result"], "failed");
        assert!(!grace.get(JOBS).text.contains("ban_revision"), "no text of the database");
    });
}

#[test]
fn the_settings_are_listed_with_their_sources_and_without_secrets() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    let answer = grace.get(SETTINGS).json();
    let expected = json!({ "key": "tokens.access_minutes", "value": "30", "is_set": true,
        "is_secret": false, "source": "default" });
    assert_eq!(item(&answer, "key", "tokens.access_minutes"), expected);
    let secrets: Vec<_> = answer["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|item| {
            assert!(item["is_secret"] == false || item["value"].is_null(), "{item}");
            item["is_secret"] == true
        })
        .map(|item| item["key"].as_str().expect("a key"))
        .collect();
    for secret in ["database.url", "tokens.secret_key", "services", "mail.smtp_password"] {
        assert!(secrets.contains(&secret), "{secret}");
    }
}

#[test]
fn without_the_permission_nobody_sees_jobs_or_settings() {
    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::developer(&server, "grace", "admin");
    let coordinator = Member::new(&server, "ada", "coordinator");
    let wrong = create(&grace, &["settings:read"]).field("key");
    let right = create(&grace, &["settings:export"]).field("key");
    for path in [JOBS, SETTINGS] {
        let refused = coordinator.get(path);
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{path}");
        assert!(!refused.text.contains("items"), "{}", refused.text);
        assert_eq!(Browser::of(&server).get_as(path, &wrong).status, 403);
        assert_eq!(Browser::of(&server).get_as(path, &right).status, 200);
        assert_eq!(Browser::of(&server).get(path, &[]).status, 401);
    }
}
