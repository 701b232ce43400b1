//! Lockout: guesses are delayed, and the owner can still sign in.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, at_once};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn after_five_failures_the_right_password_gets_the_same_refusal_until_the_wait_ends() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        Browser::of(&server).register("ada");
        for _ in 0..4 {
            fail(&server, "ada");
        }
        assert_eq!(Browser::of(&server).sign_in("ada").status, 200, "four failures are free");
        lock(&server, "ada");
        assert_refused(&Browser::of(&server).sign_in("ada"));
        server.restart();
        assert_refused(&Browser::of(&server).sign_in("ada"));
        server.clock().advance(59 * SECOND);
        assert_refused(&Browser::of(&server).sign_in("ada"));
        server.clock().advance(SECOND);
        assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
    });
}

#[test]
fn each_further_failure_doubles_the_wait_and_success_forgets_them_all() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    lock(&server, "ada");
    for minutes in [1, 2, 4, 8, 15, 15] {
        server.clock().advance((minutes * 60 - 1) * SECOND);
        assert_refused(&Browser::of(&server).sign_in("ada"));
        server.clock().advance(SECOND);
        fail(&server, "ada");
    }
    server.clock().advance(15 * MINUTE);
    assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
    for _ in 0..4 {
        fail(&server, "ada");
    }
    assert_eq!(Browser::of(&server).sign_in("ada").status, 200, "counted from nothing again");
}

#[test]
fn attempts_during_a_wait_do_not_prolong_it() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    lock(&server, "ada");
    for _ in 0..20 {
        server.clock().advance(2 * SECOND);
        fail(&server, "ada");
    }
    server.clock().advance(20 * SECOND);
    assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
}

#[test]
fn fifty_guesses_at_once_are_worth_no_more_than_five() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        Browser::of(&server).register("ada");
        at_once(50, |_| fail(&server, "ada"));
        let store = server.database().store();
        let counted = "SELECT count(*) FROM security_events WHERE outcome = 'wrong_password'";
        assert_eq!(store.number(counted).unwrap(), 5);
        assert_refused(&Browser::of(&server).sign_in("ada"));
        server.clock().advance(MINUTE);
        assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
    });
}

#[test]
fn however_the_name_is_typed_it_is_one_account() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    for name in ["ada", "ADA", "ａｄａ", "ada@example.org", "Ada@Example.ORG"] {
        fail(&server, name);
    }
    for name in ["ada", "ada@example.org"] {
        assert_refused(&Browser::of(&server).sign_in(name));
    }
}

#[test]
fn one_locked_account_concerns_no_other() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.register("grace");
    lock(&server, "ada");
    assert_eq!(browser.sign_in("grace").status, 200);
}

#[test]
fn a_wait_ends_no_session() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let refresh_token = browser.sign_in("ada").field("refresh_token");
    lock(&server, "ada");
    assert_eq!(browser.get("/api/auth/me", &[]).status, 200);
    assert_eq!(browser.refresh(&refresh_token).status, 200);
}

#[test]
fn a_known_device_signs_in_while_strangers_are_locked_out() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut device = Browser::of(&server);
        device.register("ada");
        device.sign_in("ada");
        device.sign_out("/api/auth/logout");
        lock(&server, "ada");
        assert_refused(&Browser::of(&server).sign_in("ada"));
        assert_eq!(device.sign_in("ada").status, 200);
    });
}

#[test]
fn a_known_device_has_a_counter_and_not_more() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut device = Browser::of(&server);
    device.register("ada");
    device.sign_in("ada");
    for _ in 0..5 {
        assert_refused(&device.sign_in_with("ada", "not-the-password"));
    }
    assert_refused(&device.sign_in("ada"));
    assert_eq!(Browser::of(&server).sign_in("ada").status, 200, "others have theirs");
}

#[test]
fn a_device_of_another_account_is_an_unknown_device() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut device = Browser::of(&server);
    device.register("ada");
    device.register("mallory");
    device.sign_in("mallory");
    lock(&server, "ada");
    assert_refused(&device.sign_in("ada"));
}

fn lock(server: &TestServer, name: &str) {
    for _ in 0..5 {
        fail(server, name);
    }
}

fn fail(server: &TestServer, name: &str) {
    assert_refused(&Browser::of(server).sign_in_with(name, "not-the-password"));
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_credentials"));
}
