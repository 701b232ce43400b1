//! A database clock five minutes from that of the nodes, and back: no code is accepted twice, factors can be
//! added and used meanwhile, and the owner gets in afterwards.

use portcullis_domain::{Clock, SystemClock, Timestamp};
use portcullis_testkit::{
    Answer, AuthenticatorApp, Browser, PASSWORD, ServerProcess, SoftAuthenticator,
};
use serde_json::{Value, json};

use crate::environment::{folder, start, take_turn};
use crate::owners::{BASE_URL, ORIGIN};
use crate::postgres_clock::PostgresWithClock;

const STEP: i64 = 30;

const MINUTE: i64 = 60;

/// The nodes, and a database whose clock is ahead of theirs by so many seconds.
struct Cluster {
    clockwork: PostgresWithClock,
    ahead: i64,
}

impl Cluster {
    fn set(&mut self, ahead: i64) {
        self.ahead = ahead;
        self.clockwork.set(&format!("{ahead} seconds"));
    }

    /// The code of the next step by the clock of the database, which has just begun that step.
    fn next_code(&mut self, app: &AuthenticatorApp) -> String {
        self.set(self.ahead + STEP);
        app.code(time(self.ahead))
    }
}

/// The time of a clock that is ahead of that of the host by so many seconds.
fn time(ahead: i64) -> Timestamp {
    Timestamp::from_seconds(SystemClock::new().now().as_seconds() + ahead)
}

fn post(server: &ServerProcess, token: Option<&str>, path: &str, body: &Value) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let bearer = bearer.iter().map(|bearer| ("authorization", bearer.as_str()));
    let json = [("content-type", "application/json")];
    let headers: Vec<(&str, &str)> = json.into_iter().chain(bearer).collect();
    Browser::at(server.origin()).send("POST", path, &headers, &body.to_string())
}

fn sign_in(server: &ServerProcess, code: &str) -> Answer {
    let challenge = Browser::at(server.origin()).sign_in_for_tokens("ada").field("mfa_token");
    post(server, None, "/api/auth/login/mfa", &json!({ "mfa_token": challenge, "code": code }))
}

fn sign_in_with(phone: &mut SoftAuthenticator, server: &ServerProcess) -> Answer {
    let body = json!({ "delivery": "body" });
    let options = post(server, None, "/api/auth/login/passkey/options", &body).json();
    let body = json!({ "credential": phone.get(&options["public_key"], ORIGIN) });
    let signed_in = post(server, None, "/api/auth/login/passkey/verify", &body);
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    signed_in
}

#[track_caller]
fn assert_usable(nodes: &[ServerProcess], answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    for node in nodes {
        let me = Browser::at(node.origin()).get_as("/api/auth/me", &answer.field("access_token"));
        assert_eq!(me.status, 200, "{}", me.text);
    }
}

#[test]
fn no_code_is_accepted_twice_and_the_owner_gets_in_when_the_clock_is_five_minutes_off_and_back() {
    let _turn = take_turn();
    for jump in [5 * MINUTE, -5 * MINUTE] {
        let mut cluster = Cluster { clockwork: PostgresWithClock::new(), ahead: 0 };
        let (folders, url) = ([folder(), folder()], cluster.clockwork.url.clone());
        let nodes = folders.each_ref().map(|data| start(data.path(), &url, &[BASE_URL]));
        let registered = Browser::at(nodes[0].origin()).register("ada");
        assert_eq!(registered.status, 201, "{} {}", registered.text, nodes[0].log());
        let token = Browser::at(nodes[0].origin()).sign_in_for_tokens("ada").field("access_token");
        cluster.set(jump);

        let password = json!({ "current_password": PASSWORD });
        let started = post(&nodes[0], Some(&token), "/api/auth/mfa/totp/enrol", &password);
        let app = AuthenticatorApp::of(&started.field("secret"));
        let confirmed = cluster.next_code(&app);
        let path = "/api/auth/mfa/totp/confirm";
        let enrolled = post(&nodes[1], Some(&token), path, &json!({ "code": confirmed }));
        assert_usable(&nodes, &enrolled);
        let token = enrolled.field("access_token");
        let backup = post(&nodes[0], Some(&token), "/api/auth/mfa/backup-codes", &password);
        assert_eq!(backup.status, 200, "{}", backup.text);
        let backup = backup.json();

        // The time of the database counts, not that of the node.
        assert_eq!(sign_in(&nodes[0], &app.code(time(0))).code(), "invalid_code");
        let signed_in = cluster.next_code(&app);
        assert_usable(&nodes, &sign_in(&nodes[0], &signed_in));
        for node in &nodes {
            assert_eq!(sign_in(node, &signed_in).code(), "invalid_code");
        }
        let stepped_up = cluster.next_code(&app);
        let path = "/api/auth/mfa/step-up";
        let answer = post(&nodes[1], Some(&token), path, &json!({ "code": stepped_up }));
        assert_usable(&nodes, &answer);

        let token = answer.field("access_token");
        let options = post(&nodes[0], Some(&token), "/api/auth/passkeys/options", &password);
        let mut phone = SoftAuthenticator::default();
        let credential = phone.create(&options.json()["public_key"], ORIGIN);
        let body = json!({ "credential": credential, "name": "Phone" });
        let registered = post(&nodes[1], Some(&token), "/api/auth/passkeys/verify", &body);
        assert_usable(&nodes, &registered);
        assert_usable(&nodes, &sign_in_with(&mut phone, &nodes[0]));

        for (number, ahead) in [0, jump].into_iter().enumerate() {
            cluster.set(ahead);
            for code in [&confirmed, &signed_in, &stepped_up] {
                assert_eq!(sign_in(&nodes[1], code).code(), "invalid_code", "{ahead} s, {jump} s");
            }
            // A success ends the count of failures.
            let backup = backup["codes"][number].as_str().expect("a code");
            assert_usable(&nodes, &sign_in(&nodes[0], backup));
            assert_eq!(sign_in(&nodes[1], backup).code(), "invalid_code", "used");
            assert_usable(&nodes, &sign_in_with(&mut phone, &nodes[1]));
        }
        // The app serves again as soon as its last step is over.
        cluster.set(7 * MINUTE);
        assert_usable(&nodes, &sign_in(&nodes[0], &cluster.next_code(&app)));
        for node in &nodes {
            assert!(!node.log().contains("panicked"), "{}", node.log());
        }
    }
}
