//! Overload of password hashing: some passwords are checked, the other sign-ins are refused at once.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc;
use std::thread;

use portcullis_password::PoolSettings;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[test]
fn of_thirty_sign_ins_at_once_one_waits_and_the_others_are_told_to_come_back() {
    let server = narrow_server();
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let (answered, answers) = mpsc::channel();
    thread::scope(|scope| {
        let release = occupy_the_thread(scope, &server);
        for _ in 0..30 {
            let (answered, mut browser) = (answered.clone(), browser.clone());
            scope.spawn(move || answered.send(browser.sign_in("ada")).unwrap());
        }
        // The pool is blocked, so these answers did not wait for it.
        for refused in answers.iter().take(29) {
            assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
            let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        drop(release);
        assert_eq!(answers.recv().unwrap().status, 200, "the one that waited");
    });
}

#[test]
fn who_is_signed_in_notices_nothing_of_a_flood() {
    let server = narrow_server();
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let refresh_token = browser.sign_in("ada").field("refresh_token");
    while_hashing_is_full(&server, || {
        assert_eq!(browser.sign_in("ada").code(), "overloaded");
        assert_eq!(browser.register("grace").code(), "overloaded");
        assert_eq!(browser.get("/api/auth/me", &[]).status, 200);
        assert_eq!(browser.get("/health/ready", &[]).status, 200);
        let figures = server.metrics();
        assert!(figures.contains("\nportcullis_hashing_refused_total 2\n"), "{figures}");
        assert_eq!(browser.refresh(&refresh_token).status, 200);
        assert_eq!(browser.sign_out("/api/auth/logout").status, 204);
    });
}

#[test]
fn being_turned_away_does_not_count_as_a_failure() {
    let server = narrow_server();
    let mut browser = Browser::of(&server);
    browser.register("ada");
    while_hashing_is_full(&server, || {
        for _ in 0..10 {
            assert_eq!(browser.sign_in_with("ada", "not-the-password").code(), "overloaded");
        }
    });
    assert_eq!(browser.sign_in("ada").status, 200);
}

/// A refused sign-in makes no query, and a client from another address is not affected.
#[test]
fn a_flood_from_one_address_leaves_the_database_and_places_to_the_others() {
    let settings = TestSettings {
        trusted_proxies: vec!["127.0.0.1/32".to_owned()],
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    Browser::of(&server).register("ada");
    let flooding = IpAddr::from([192, 0, 2, 1]);
    let held: Vec<_> = std::iter::from_fn(|| server.hashing().enter(flooding).ok()).collect();
    assert!(held.len() > 1, "one address alone gets half of the places");
    let database = server.database().store();
    database.execute("ALTER TABLE accounts RENAME TO hidden").expect("the table is there");
    assert_eq!(sign_in_from(&server, "192.0.2.1").code(), "overloaded");
    assert_eq!(sign_in_from(&server, "192.0.2.2").code(), "unavailable", "it asks the database");
    database.execute("ALTER TABLE hidden RENAME TO accounts").expect("the table is there");
    assert_eq!(sign_in_from(&server, "192.0.2.2").status, 200);
    drop(held);
    assert_eq!(sign_in_from(&server, "192.0.2.1").status, 200);
}

fn sign_in_from(server: &TestServer, address: &str) -> Answer {
    let body = json!({ "username": "ada", "password": PASSWORD }).to_string();
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    Browser::of(server).send("POST", "/api/auth/login/json", &headers, &body)
}

/// A pool with one hashing thread and a queue of one.
fn narrow_server() -> TestServer {
    let hashing = PoolSettings { threads: 1, queue: 1, ..TestSettings::default().hashing };
    TestServer::with(TestDatabase::sqlite(), TestSettings { hashing, ..TestSettings::default() })
}

/// Runs a closure while the hashing thread is busy and the queue is full.
pub(crate) fn while_hashing_is_full(server: &TestServer, run: impl FnOnce()) {
    thread::scope(|scope| {
        let release = occupy_the_thread(scope, server);
        let waiting = scope.spawn(|| server.hashing().run(CLIENT, |_, _| ()));
        while server.hashing().waiting() == 0 {
            thread::yield_now();
        }
        run();
        drop(release);
        assert_eq!(waiting.join().expect("no panic"), Ok(()));
    });
}

/// Keeps the hashing thread busy until the answer is dropped.
fn occupy_the_thread<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    server: &'scope TestServer,
) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, start) = mpsc::channel();
    scope.spawn(move || {
        let job = move |_: &_, _: &mut _| {
            started.send(()).expect("the test waits for this");
            assert!(released.recv().is_err(), "nothing is ever sent");
        };
        server.hashing().run(CLIENT, job).expect("the pool was idle");
    });
    start.recv().expect("the pool takes the job");
    release
}
