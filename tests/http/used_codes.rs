//! Used codes over HTTP: a code is accepted once, whatever it was used for, on either of two nodes, with Redis
//! flushed meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_testkit::{
    Answer, AuthenticatorApp, Browser, PASSWORD, RedisServer, StopSignal, TestDatabase, TestServer,
    TestSettings, at_once,
};
use serde_json::json;

use crate::member::Member;

const STEP: Duration = Duration::from_secs(30);

/// A node that never waits after wrong codes.
fn node(database: &TestDatabase, redis: Option<&RedisServer>) -> TestServer {
    let lockout = LockoutPolicy { free_failures: 1_000, ..LockoutPolicy::default() };
    let redis = redis.map(RedisServer::url);
    let settings = TestSettings { lockout, redis, ..TestSettings::default() };
    TestServer::with(database.shared(), settings)
}

fn sign_in(origin: &str, code: &str) -> Answer {
    let mut browser = Browser::at(origin);
    let token = browser.sign_in_for_tokens("ada").field("mfa_token");
    browser.post("/api/auth/login/mfa", &json!({ "mfa_token": token, "code": code }))
}

fn step_up(ada: &Member, code: &str) -> Answer {
    ada.post("/api/auth/mfa/step-up", &json!({ "code": code }))
}

fn confirm(ada: &Member, code: &str) -> Answer {
    ada.post("/api/auth/mfa/totp/confirm", &json!({ "code": code }))
}

/// Checks that no use of the code is accepted on any of the nodes.
fn assert_dead(nodes: [&TestServer; 2], ada: &Member, code: &str) {
    for node in nodes {
        let (origin, there) = (node.origin(), ada.at(node.origin()));
        let refused = sign_in(origin, code);
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_code"));
        let refused = step_up(&there, code);
        assert_eq!((refused.status, refused.code().as_str()), (403, "wrong_code"));
        let refused = confirm(&there, code);
        assert_eq!((refused.status, refused.code().as_str()), (409, "no_enrolment"));
    }
}

#[test]
fn a_code_is_dead_after_its_first_use_for_every_purpose_on_every_node() {
    TestDatabase::on_both(|database| {
        let (here, there) = (node(&database, None), node(&database, None));
        let nodes = [&here, &there];
        let mut ada = Member::new(&here, "ada", "msa");
        let started =
            ada.post("/api/auth/mfa/totp/enrol", &json!({ "current_password": PASSWORD }));
        let app = AuthenticatorApp::of(&started.field("secret"));
        let code = || app.code(here.clock().now());

        let confirmed = code();
        ada.token = confirm(&ada, &confirmed).field("access_token");
        assert_dead(nodes, &ada, &confirmed);

        here.clock().advance(STEP);
        let signed_in = code();
        assert_eq!(sign_in(here.origin(), &signed_in).status, 200);
        assert_dead(nodes, &ada, &signed_in);
        assert_dead(nodes, &ada, &confirmed);

        here.clock().advance(STEP);
        let stepped_up = code();
        assert_eq!(step_up(&ada.at(there.origin()), &stepped_up).status, 200);
        assert_dead(nodes, &ada, &stepped_up);
        assert_dead(nodes, &ada, &signed_in);
    });
}

#[test]
fn one_of_fifty_simultaneous_uses_on_two_nodes_signs_in_while_redis_is_flushed() {
    const USES: usize = 50;
    TestDatabase::on_both(|database| {
        let redis = RedisServer::start();
        let nodes = [node(&database, Some(&redis)), node(&database, Some(&redis))];
        for node in &nodes {
            while !node.metrics().contains("portcullis_redis_up 1") {}
        }
        let mut ada = Member::new(&nodes[0], "ada", "msa");
        let app = ada.enrol_app(&nodes[0]);
        let challenge = |number: usize| {
            let mut browser = Browser::of(&nodes[number % 2]);
            let token = browser.sign_in_for_tokens("ada").field("mfa_token");
            (browser, token)
        };
        let challenges: Vec<(Browser, String)> = (0..USES).map(challenge).collect();
        let code = app.code(nodes[0].clock().now());
        let mut flushes = 0;
        let statuses = thread::scope(|scope| {
            let stop = StopSignal::default();
            let stopped = stop.receiver();
            let redis = &redis;
            let flushing = scope.spawn(move || {
                let mut operator = Operator::of(redis);
                let mut flushes = 0;
                while !stopped.is_over() {
                    operator.flush();
                    flushes += 1;
                }
                flushes
            });
            let statuses = at_once(USES, |number| {
                let (browser, token) = &challenges[number];
                let answer = json!({ "mfa_token": token, "code": code });
                browser.clone().post("/api/auth/login/mfa", &answer).status
            });
            drop(stop);
            flushes = flushing.join().expect("Redis answers");
            statuses
        });
        assert_ne!(flushes, 0);
        let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(200), count(401)), (1, USES - 1), "{statuses:?}");
    });
}

/// A connection of an operator to Redis.
struct Operator(TcpStream);

impl Operator {
    fn of(redis: &RedisServer) -> Self {
        let mut operator = Self(TcpStream::connect(redis.address()).expect("Redis listens"));
        operator.tell(&format!("AUTH {}", redis.password()));
        operator
    }

    fn flush(&mut self) {
        self.tell("FLUSHALL");
    }

    fn tell(&mut self, command: &str) {
        write!(self.0, "{command}\r\n").expect("Redis listens");
        let mut answer = [0; 5];
        self.0.read_exact(&mut answer).expect("Redis answers");
        assert_eq!(&answer, b"+OK\r\n", "{command}");
    }
}
