//! Risk of sign-ins over HTTP: the mailed code, the known device, the refusal.

use std::time::Duration;

use portcullis_flows::sign_in::risk::RiskPolicy;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::{Value, json};

use crate::member::Member;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOME: &str = "192.0.2.7";
const ABROAD: &str = "198.51.100.7";

/// A server behind a trusted proxy, which names the client address.
fn server(database: TestDatabase, risk: Option<RiskPolicy>) -> TestServer {
    let trusted_proxies = vec!["127.0.0.1/32".to_owned()];
    TestServer::with(database, TestSettings { risk, trusted_proxies, ..TestSettings::default() })
}

fn post(browser: &mut Browser, address: &str, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    browser.send("POST", path, &headers, &body.to_string())
}

fn sign_in(browser: &mut Browser, address: &str, password: &str) -> Answer {
    let body = json!({ "username": "ada", "password": password });
    post(browser, address, "/api/auth/login/json", &body)
}

fn second_step(browser: &mut Browser, address: &str, issued: &Answer, code: &str) -> Answer {
    let body = json!({ "mfa_token": issued.field("mfa_token"), "code": code });
    post(browser, address, "/api/auth/login/mfa", &body)
}

/// The account of a browser that has signed in at home a day before.
fn at_home(server: &TestServer) -> Browser {
    let mut browser = Browser::of(server);
    browser.register("ada");
    assert_eq!(sign_in(&mut browser, HOME, PASSWORD).status, 200);
    server.clock().advance(DAY);
    browser
}

fn mailed(server: &TestServer, kind: &str) -> Vec<Option<String>> {
    let mails = server.database().mails().into_iter();
    mails.filter(|mail| mail.mail.kind() == kind).map(|mail| mail.token).collect()
}

#[test]
fn a_new_device_abroad_continues_with_the_code_of_a_mail() {
    TestDatabase::on_both(|database| {
        let server = server(database, Some(RiskPolicy::default()));
        let mut known = at_home(&server);
        let mut new = Browser::of(&server);
        let issued = sign_in(&mut new, ABROAD, PASSWORD);
        assert_eq!(issued.status, 200, "{}", issued.text);
        let told = issued.json();
        assert_eq!((&told["mfa_required"], &told["code_mailed"]), (&json!(true), &json!(true)));
        assert_eq!((&told["expires_in"], told.get("public_key")), (&json!(900), None));
        let mut codes = mailed(&server, "sign_in_code");
        let code = codes.pop().flatten().expect("a code");
        assert!(codes.is_empty());

        let wrong = second_step(&mut new, ABROAD, &issued, "0000-0000-0000-0000");
        assert_eq!((wrong.status, wrong.code()), (401, "invalid_code".to_owned()));
        let elsewhere = second_step(&mut Browser::of(&server), ABROAD, &issued, &code);
        assert_eq!(elsewhere.code(), "invalid_mfa_token", "another browser");
        let signed_in = second_step(&mut new, ABROAD, &issued, &code);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        assert_eq!(new.get("/api/auth/me", &[]).status, 200);
        assert_eq!(second_step(&mut new, ABROAD, &issued, &code).code(), "invalid_mfa_token");

        let known = sign_in(&mut known, "203.0.113.9", PASSWORD);
        assert!(known.json().get("session_id").is_some(), "{}", known.text);
    });
}

#[test]
fn a_refusal_for_its_risk_is_answered_like_a_wrong_password() {
    TestDatabase::on_both(|database| {
        let policy = RiskPolicy { refuse_at: 45, ..RiskPolicy::default() };
        let server = server(database, Some(policy));
        at_home(&server);
        server.database().mails();
        let told = |answer: &Answer| {
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("request_id");
            let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
            names.sort_unstable();
            (answer.status, body, names)
        };
        let wrong = sign_in(&mut Browser::of(&server), ABROAD, "violet-otter-9");
        let right = sign_in(&mut Browser::of(&server), ABROAD, PASSWORD);
        assert_eq!(told(&right), told(&wrong));
        assert_eq!(right.code(), "invalid_credentials");
        let links = mailed(&server, "sign_in_refused");
        let link = links.first().cloned().flatten().expect("a link that disavows");
        let disavowed = post(
            &mut Browser::of(&server),
            HOME,
            "/api/auth/account/disavow",
            &json!({ "token": link }),
        );
        assert!(disavowed.status < 300, "{}", disavowed.text);
    });
}

#[test]
fn without_an_assessment_a_right_password_is_enough_anywhere() {
    let server = server(TestDatabase::sqlite(), None);
    at_home(&server);
    let signed_in = sign_in(&mut Browser::of(&server), ABROAD, PASSWORD);
    assert!(signed_in.json().get("session_id").is_some(), "{}", signed_in.text);
}

#[test]
fn an_auditor_reads_the_reasons_and_replays_other_thresholds() {
    TestDatabase::on_both(|database| {
        let server = server(database, Some(RiskPolicy::default()));
        at_home(&server);
        let challenged = sign_in(&mut Browser::of(&server), ABROAD, PASSWORD);
        assert_eq!(challenged.json()["mfa_required"], true);
        let grace = Member::new(&server, "grace", "admin");
        server.clock().advance(Duration::from_secs(1));
        let path = "/api/admin/risk/sign-ins";
        let found = grace.get(&format!("{path}?outcome=challenged")).json();
        assert_eq!((&found["challenge_at"], &found["refuse_at"]), (&json!(40), &json!(100)));
        let [item] = &found["items"].as_array().expect("a list")[..] else { panic!("{found}") };
        assert_eq!(item["address"], ABROAD);
        assert_eq!((&item["recorded_score"], &item["score"]), (&json!(45), &json!(45)));
        let signals = item["signals"].as_array().expect("a list").iter();
        let signals: Vec<_> = signals.map(|it| (it["signal"].clone(), &it["points"])).collect();
        let expected = [(json!("new_device"), &json!(20)), (json!("new_network"), &json!(25))];
        assert_eq!(signals, expected);
        let account = item["account_id"].as_str().expect("an id");
        let of_ada = grace.get(&format!("{path}?account={account}&limit=1")).json();
        let cursor = of_ada["next_cursor"].as_str().expect("a further one");
        let rest = grace.get(&format!("{path}?account={account}&limit=1&cursor={cursor}")).json();
        assert_eq!(rest["items"][0]["recorded_outcome"], "allowed");
        let other = grace.get(&format!("{path}?cursor={cursor}"));
        assert_eq!((other.status, other.code()), (400, "invalid_request".to_owned()));

        let path = "/api/admin/risk/replay";
        let lax = grace.get(&format!("{path}?challenge_at=50")).json();
        assert_eq!((&lax["examined"], &lax["cut_at"]), (&json!(3), &Value::Null));
        let outcomes = json!([
            { "was": "allowed", "would_be": "allowed", "sign_ins": 2 },
            { "was": "challenged", "would_be": "allowed", "sign_ins": 1 },
        ]);
        assert_eq!(lax["outcomes"], outcomes);
        assert_eq!(lax["changes"][0]["outcome"], "allowed");
        for query in ["challenge_at=101", "refuse_at=0", "days=366", "days=x"] {
            let wrong = grace.get(&format!("{path}?{query}"));
            assert_eq!(
                (wrong.status, wrong.code()),
                (400, "invalid_request".to_owned()),
                "{query}"
            );
        }
    });
}
