//! Mass sign-out: all sessions of all accounts end.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer};
use serde_json::json;

use crate::member::Member;

const PATH: &str = "/api/admin/sessions";

#[test]
fn the_most_senior_role_ends_every_session_and_everybody_can_sign_in_again() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let root = Member::new(&server, "root", "admin");
        let mut refresh_tokens = Vec::new();
        let mut members = Vec::new();
        for name in ["ada", "grace"] {
            members.push(Member::new(&server, name, "msa"));
            let mut browser = Browser::of(&server);
            refresh_tokens.push(browser.sign_in_for_tokens(name).field("refresh_token"));
        }
        let answer = root.send("DELETE", PATH, &[], "");
        assert_eq!((answer.status, answer.json()), (200, json!({ "sessions_ended": 5 })));
        for member in members.iter().chain([&root]) {
            assert_eq!(member.get("/api/auth/me").code(), "invalid_token");
        }
        for token in refresh_tokens {
            assert_eq!(Browser::of(&server).refresh(&token).code(), "invalid_refresh_token");
        }
        let events = "SELECT details FROM security_events WHERE kind = 'everybody_signed_out'
                      ORDER BY details DESC";
        let events = server.database().store().texts(events).expect("the database answers");
        assert_eq!(events, [r#"{"sessions_ended":4}"#, r#"{"sessions_ended":1}"#]);
        let fresh = Browser::of(&server).sign_in_for_tokens("ada").field("access_token");
        assert_eq!(Browser::of(&server).get_as("/api/auth/me", &fresh).status, 200);
    });
}

#[test]
fn nobody_else_does_and_nobody_with_an_old_sign_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    let root = Member::new(&server, "root", "admin");
    let coordinator = Member::new(&server, "grace", "coordinator");
    let refused = coordinator.send("DELETE", PATH, &[], "");
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    server.clock().advance(Duration::from_secs(15 * 60));
    let refused = root.send("DELETE", PATH, &[], "");
    assert_eq!(refused.code(), "insufficient_user_authentication");
    assert_eq!(coordinator.get("/api/auth/me").status, 200);
    assert_eq!(root.get("/api/auth/me").status, 200);
}
