//! Setup: the printed token creates the first administrator, once.

use portcullis_flows::identity::bootstrap::BootstrapState;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, at_once};
use serde_json::json;

use crate::answer::{account, redacted};
use crate::registration::faults;

#[test]
fn the_printed_token_makes_one_administrator_and_no_second() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let token = offer(&server);
        let answer = set_up(&server, &token, "grace", PASSWORD);
        let mut expected = account("grace");
        expected["role"] = json!("admin");
        assert_eq!((answer.status, redacted(&answer)), (201, expected));
        assert_refused(&set_up(&server, &token, "mallory", PASSWORD));
        assert!(
            matches!(server.bootstrap(None), BootstrapState::Ready),
            "no further token is offered"
        );

        let signed_in = Browser::of(&server).sign_in("grace");
        assert_eq!(signed_in.json()["account"]["role"], "admin");
    });
}

#[test]
fn of_twenty_with_the_token_one_becomes_administrator() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let token = offer(&server);
        let answers =
            at_once(20, |number| set_up(&server, &token, &format!("grace-{number}"), PASSWORD));
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 201);
        assert_eq!((made.len(), refused.len()), (1, 19));
        refused.into_iter().for_each(assert_refused);
        let admins = "SELECT count(*) FROM accounts WHERE role = 'admin'";
        assert_eq!(server.database().store().number(admins).unwrap(), 1);
    });
}

#[test]
fn no_other_token_works_and_a_wrong_one_uses_nothing_up() {
    let server = TestServer::start(TestDatabase::sqlite());
    let earlier = offer(&server);
    let token = offer(&server);
    for wrong in ["", "x", &earlier, &"A".repeat(43), &format!("{token}A"), &token.to_lowercase()] {
        assert_refused(&set_up(&server, wrong, "mallory", PASSWORD));
    }
    let refused =
        "SELECT count(*) FROM security_events WHERE kind = 'bootstrap' AND outcome = 'invalid'";
    assert_eq!(server.database().store().number(refused).unwrap(), 6, "each is recorded");
    assert_eq!(set_up(&server, &token, "grace", PASSWORD).status, 201);
}

#[test]
fn an_unacceptable_account_does_not_use_the_token_up() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("taken");
    let token = offer(&server);
    let answer = set_up(&server, &token, "a", "short");
    assert_eq!((answer.status, answer.code().as_str()), (422, "unacceptable_account"));
    assert!(faults(&answer).contains(&("username".to_owned(), "too_short".to_owned())));
    assert_eq!(set_up(&server, &token, "taken", PASSWORD).code(), "username_taken");
    assert_eq!(set_up(&server, &token, "grace", PASSWORD).status, 201);
}

#[test]
fn without_an_offer_nobody_becomes_administrator() {
    let server = TestServer::start(TestDatabase::sqlite());
    assert_refused(&set_up(&server, &"A".repeat(43), "mallory", PASSWORD));
    assert_eq!(Browser::of(&server).register("first").json()["role"], "msa", "nor by being first");
}

#[test]
fn the_token_dies_when_an_administrator_comes_to_be_another_way() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = offer(&server);
    Browser::of(&server).register("grace");
    let promote = "UPDATE accounts SET role = 'admin' WHERE username = 'grace'";
    server.database().store().execute(promote).unwrap();
    assert_refused(&set_up(&server, &token, "mallory", PASSWORD));
}

fn offer(server: &TestServer) -> String {
    let BootstrapState::Awaiting(token) = server.bootstrap(None) else { panic!("setup is open") };
    token.expose().to_owned()
}

fn set_up(server: &TestServer, token: &str, username: &str, password: &str) -> Answer {
    let body = json!({
        "setup_token": token,
        "username": username,
        "email": format!("{username}@example.org"),
        "password": password,
    });
    Browser::of(server).post("/api/setup", &body)
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_setup_token"));
}
