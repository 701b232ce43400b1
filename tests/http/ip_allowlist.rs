//! Networks that accounts may be used from: sign-in, refresh, requests and API keys, inside and outside.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_domain::{Clock, Role};
use portcullis_flows::sign_in::network_policy::NetworkPolicy;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_testkit::{
    Answer, AuthenticatorApp, Browser, PASSWORD, TestDatabase, TestServer, TestSettings,
};
use serde_json::{Value, json};

use crate::api_keys;
use crate::member::Member;

const ALLOWLIST: &str = "/api/auth/ip-allowlist";
const INSIDE: &str = "192.0.2.70";
const OUTSIDE: &str = "198.51.100.7";
const MINUTE: Duration = Duration::from_secs(60);

/// A server behind a trusted proxy, which names the client address.
fn server(database: TestDatabase) -> TestServer {
    TestServer::with(database, behind_proxy(SessionPolicy::default()))
}

fn behind_proxy(sessions: SessionPolicy) -> TestSettings {
    let trusted_proxies = vec!["127.0.0.1/32".to_owned()];
    // Another network would need a mailed code.
    TestSettings { sessions, trusted_proxies, risk: None, ..TestSettings::default() }
}

fn post(server: &TestServer, address: &str, path: &str, token: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("content-type", "application/json"), ("x-forwarded-for", address)];
    if !token.is_empty() {
        headers.push(("authorization", bearer.as_str()));
    }
    Browser::of(server).send("POST", path, &headers, &body.to_string())
}

fn me(server: &TestServer, address: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("x-forwarded-for", address), ("authorization", bearer.as_str())];
    Browser::of(server).get("/api/auth/me", &headers)
}

fn sign_in(server: &TestServer, address: &str, password: &str) -> Answer {
    let body = json!({ "username": "ada", "password": password, "delivery": "body" });
    post(server, address, "/api/auth/login/json", "", &body)
}

fn refresh(server: &TestServer, address: &str, refresh_token: &str) -> Answer {
    let body = json!({ "refresh_token": refresh_token });
    post(server, address, "/api/auth/refresh", "", &body)
}

fn allow(server: &TestServer, address: &str, token: &str, networks: &[&str]) -> Answer {
    let body = json!({ "networks": networks, "current_password": PASSWORD });
    post(server, address, ALLOWLIST, token, &body)
}

/// An account whose list is in force, and its tokens from inside.
fn bound(server: &TestServer, networks: &[&str]) -> Answer {
    let ada = Member::new(server, "ada", "msa");
    let allowed = allow(server, INSIDE, &ada.token, networks);
    assert_eq!(allowed.status, 200, "{}", allowed.text);
    assert_eq!(ada.get("/api/auth/me").status, 401, "an earlier token");
    // New tokens are dated up to two seconds ahead.
    server.clock().advance(MINUTE);
    sign_in(server, INSIDE, PASSWORD)
}

fn outcomes(server: &TestServer, kind: &str) -> Vec<String> {
    let query = format!("SELECT outcome FROM security_events WHERE kind = '{kind}' ORDER BY at");
    server.database().store().texts(&query).expect("the database answers")
}

#[test]
fn an_account_is_used_from_its_networks_only() {
    TestDatabase::on_both(|database| {
        let server = server(database);
        let tokens = bound(&server, &["192.0.2.64/26", "2001:db8:1::/48", "203.0.113.9"]);
        let access = tokens.field("access_token");
        let mut refresh_token = tokens.field("refresh_token");
        for address in [
            "192.0.2.64",
            "192.0.2.127",
            "::ffff:192.0.2.64",
            "64:ff9b::192.0.2.127",
            "2001:db8:1::",
            "2001:db8:1:ffff:ffff:ffff:ffff:ffff",
            "203.0.113.9",
        ] {
            assert_eq!(sign_in(&server, address, PASSWORD).status, 200, "{address}");
            assert_eq!(me(&server, address, &access).status, 200, "{address}");
            let refreshed = refresh(&server, address, &refresh_token);
            assert_eq!(refreshed.status, 200, "{address}: {}", refreshed.text);
            refresh_token = refreshed.field("refresh_token");
        }
        for address in [
            "192.0.2.63",
            "192.0.2.128",
            "::ffff:192.0.2.63",
            "2001:db8:0:ffff:ffff:ffff:ffff:ffff",
            "2001:db8:2::",
            "203.0.113.8",
            "::192.0.2.64",
        ] {
            assert_eq!(sign_in(&server, address, PASSWORD).status, 401, "{address}");
            let refused = me(&server, address, &access);
            assert_eq!((refused.status, refused.code()), (403, "outside_networks".to_owned()));
            let refused = refresh(&server, address, &refresh_token);
            assert_eq!((refused.status, refused.code()), (403, "outside_networks".to_owned()));
        }
        assert_eq!(refresh(&server, INSIDE, &refresh_token).status, 200, "no refusal uses it up");
        assert_eq!(outcomes(&server, "refresh_token_reuse"), [""; 0]);
    });
}

#[test]
fn the_right_password_from_outside_is_answered_like_a_wrong_one() {
    TestDatabase::on_both(|database| {
        let server = server(database);
        bound(&server, &["192.0.2.0/24"]);
        let (right, wrong) =
            (sign_in(&server, OUTSIDE, PASSWORD), sign_in(&server, OUTSIDE, "violet-otter-9"));
        let told = |answer: &Answer| {
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("request_id");
            let names = answer.headers.iter().map(|(name, _)| name.clone());
            let headers: BTreeSet<String> = names.collect();
            (answer.status, body, headers)
        };
        assert_eq!(told(&right), told(&wrong));
        assert_eq!(right.code(), "invalid_credentials");
        let recorded = outcomes(&server, "sign_in");
        assert_eq!(recorded[recorded.len() - 2..], ["outside_networks", "wrong_password"]);
        // Both are failures of strangers: five of them, and the account waits.
        for _ in 0..4 {
            assert_eq!(sign_in(&server, OUTSIDE, PASSWORD).status, 401);
        }
        assert_eq!(sign_in(&server, INSIDE, PASSWORD).status, 401, "the wait holds inside too");
        assert_eq!(outcomes(&server, "sign_in").last().unwrap(), "locked");
    });
}

#[test]
fn without_a_trusted_proxy_no_header_moves_a_client() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::new(&server, "ada", "msa");
    let refused = allow(&server, INSIDE, &ada.token, &["192.0.2.0/24"]);
    assert_eq!((refused.status, refused.code()), (409, "allowlist_excludes_client".to_owned()));
    assert!(refused.json()["detail"].as_str().unwrap().contains("127.0.0.1"), "{}", refused.text);
    assert_eq!(allow(&server, OUTSIDE, &ada.token, &["127.0.0.1"]).status, 200);
    server.clock().advance(MINUTE);
    let tokens = sign_in(&server, OUTSIDE, PASSWORD);
    assert_eq!(me(&server, OUTSIDE, &tokens.field("access_token")).status, 200);
}

#[test]
fn a_list_that_shuts_its_author_out_is_confirmed_from_inside() {
    TestDatabase::on_both(|database| {
        let server = server(database);
        let ada = Member::new(&server, "ada", "msa");
        let networks = ["192.0.2.0/24"];
        let refused = allow(&server, OUTSIDE, &ada.token, &networks);
        assert_eq!((refused.status, refused.code()), (409, "allowlist_excludes_client".to_owned()));
        assert_eq!(me(&server, OUTSIDE, &ada.token).status, 200, "nothing has changed");
        let confirmed = allow(&server, INSIDE, &ada.token, &networks);
        assert_eq!(confirmed.json()["networks"], json!(["192.0.2.0/24"]));
        assert_eq!(confirmed.json()["client_address"], INSIDE);
        assert_eq!(me(&server, INSIDE, &ada.token).status, 401);
        server.clock().advance(MINUTE);

        let tokens = sign_in(&server, INSIDE, PASSWORD).field("access_token");
        let body = json!({ "networks": ["192.0.2.0/24"], "current_password": "violet-otter-9" });
        assert_eq!(post(&server, INSIDE, ALLOWLIST, &tokens, &body).code(), "wrong_password");
        let many: Vec<String> = (0..21).map(|place| format!("192.0.2.{place}")).collect();
        let many = json!({ "networks": many, "current_password": PASSWORD });
        let faulty = |body: &Value| {
            let refused = post(&server, INSIDE, ALLOWLIST, &tokens, body);
            let fault = &refused.json()["errors"][0];
            format!("{} {} {}", refused.status, fault["field"], fault["code"])
        };
        assert_eq!(faulty(&many), r#"400 "networks" "too_long""#);
        for (network, code) in [("192.0.2.1/24", "host_bits"), ("office", "malformed")] {
            let body = json!({ "networks": [network], "current_password": PASSWORD });
            assert_eq!(faulty(&body), format!(r#"400 "networks" "{code}""#));
        }
        assert_eq!(allow(&server, INSIDE, &tokens, &[]).json()["networks"], json!([]));
        server.clock().advance(MINUTE);
        assert_eq!(sign_in(&server, OUTSIDE, PASSWORD).status, 200, "all are allowed again");
        let expected = ["against_rules", "success", "wrong_password", "success"];
        assert_eq!(outcomes(&server, "networks_changed"), expected);
        let mails = "SELECT kind FROM outbox WHERE kind = 'networks_changed'";
        assert_eq!(server.database().store().texts(mails).unwrap().len(), 2);
    });
}

#[test]
fn the_list_of_a_role_binds_its_accounts_and_their_keys() {
    TestDatabase::on_both(|database| {
        let role = Role::parse("msa").unwrap();
        let networks = [(role, "192.0.2.0/24 127.0.0.1".parse().unwrap())].into_iter().collect();
        let networks = NetworkPolicy::new(networks);
        let sessions = SessionPolicy { networks, ..SessionPolicy::default() };
        let server = TestServer::with(database, behind_proxy(sessions));
        let ada = Member::developer(&server, "ada", "msa");
        let grace = Member::new(&server, "grace", "admin");
        let key = api_keys::create(&ada, &["schedule:read"]).field("key");
        for credential in [&ada.token, &key] {
            assert_eq!(me(&server, INSIDE, credential).status, 200);
            assert_eq!(me(&server, OUTSIDE, credential).code(), "outside_networks");
        }
        assert_eq!(me(&server, OUTSIDE, &grace.token).status, 200, "another role");
        assert_eq!(sign_in(&server, OUTSIDE, PASSWORD).status, 401);
        // An own list narrows it, and the keys follow.
        assert_eq!(allow(&server, INSIDE, &ada.token, &["192.0.2.64/26"]).status, 200);
        server.clock().advance(MINUTE);
        let tokens = sign_in(&server, INSIDE, PASSWORD).field("access_token");
        for credential in [&tokens, &key] {
            assert_eq!(me(&server, INSIDE, credential).status, 200);
            assert_eq!(me(&server, "192.0.2.7", credential).code(), "outside_networks");
        }
        let headers = [("authorization", format!("Bearer {tokens}"))];
        let headers = [("x-forwarded-for", INSIDE), ("authorization", headers[0].1.as_str())];
        let shown = Browser::of(&server).get(ALLOWLIST, &headers).json();
        assert_eq!(shown["networks"], json!(["192.0.2.64/26"]));
        assert_eq!(shown["role_networks"], json!(["192.0.2.0/24", "127.0.0.1/32"]));
    });
}

#[test]
fn a_second_step_from_outside_is_over_whatever_its_code_is() {
    TestDatabase::on_both(|database| {
        let server = server(database);
        let mut ada = Member::new(&server, "ada", "msa");
        let app = ada.enrol_app(&server);
        assert_eq!(allow(&server, INSIDE, &ada.token, &["192.0.2.0/24"]).status, 200);
        server.clock().advance(MINUTE);
        let challenge = sign_in(&server, INSIDE, PASSWORD).field("mfa_token");
        let answer = |address: &str, app: &AuthenticatorApp, is_right: bool| {
            let code = app.code(server.clock().now());
            let wrong = if code == "000000" { "000001" } else { "000000" };
            let code = if is_right { code.as_str() } else { wrong };
            let body = json!({ "mfa_token": challenge, "code": code });
            post(&server, address, "/api/auth/login/mfa", "", &body)
        };
        for is_right in [true, false] {
            let refused = answer(OUTSIDE, &app, is_right);
            assert_eq!((refused.status, refused.code()), (401, "invalid_mfa_token".to_owned()));
        }
        assert_eq!(answer(INSIDE, &app, true).status, 200, "no code was used up");
    });
}

#[test]
fn uses_from_outside_are_recorded_once_in_a_minute() {
    let server = server(TestDatabase::sqlite());
    let tokens = bound(&server, &["192.0.2.0/24"]);
    for _ in 0..20 {
        assert_eq!(me(&server, OUTSIDE, &tokens.field("access_token")).status, 403);
        assert_eq!(refresh(&server, OUTSIDE, &tokens.field("refresh_token")).status, 403);
    }
    assert_eq!(outcomes(&server, "session_used_outside"), ["outside_networks"]);
    // To end a session needs less than to use it.
    let access = tokens.field("access_token");
    let out = post(&server, OUTSIDE, "/api/auth/logout", &access, &json!({}));
    assert!(out.status < 300, "{}", out.text);
    assert_eq!(me(&server, INSIDE, &access).status, 401);
}
