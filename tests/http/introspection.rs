//! Token introspection (RFC 7662) and token revocation (RFC 7009).

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, SERVICE, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::follower::basic;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[test]
fn a_live_token_is_described_and_any_other_is_not_alive_and_nothing_else() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let signed_in = browser.sign_in_for_tokens("ada");
        let (access, refresh) = (signed_in.field("access_token"), signed_in.field("refresh_token"));

        let mut described = introspect(&server, &access);
        let jti = described["jti"].take();
        assert!(jti.is_string());
        let account = signed_in.json()["account"]["id"].clone();
        let session = signed_in.field("session_id");
        let expected = json!({
            "active": true, "token_type": "Bearer", "iss": "https://auth.example.test",
            "aud": "portcullis", "sub": account, "sid": session, "jti": null,
            "iat": 1_800_000_000, "exp": 1_800_001_800, "role": "msa", "kind": "user",
            "amr": ["pwd"], "acr": "aal1", "auth_time": 1_800_000_000,
            "password_must_change": false, "factor_required": false,
        });
        assert_eq!(described, expected);
        let mut described = introspect(&server, &refresh);
        assert_ne!(described["jti"].take(), jti);
        let expected = json!({
            "active": true, "token_type": "refresh_token", "iss": "https://auth.example.test",
            "sub": account, "sid": session, "jti": null,
            "iat": 1_800_000_000, "exp": 1_800_604_800,
        });
        assert_eq!(described, expected);

        let next = browser.refresh(&refresh);
        assert_dead(&server, &refresh, "used");
        let other_end = if access.ends_with('A') { 'E' } else { 'A' };
        let forged = format!("{}{other_end}", &access[..access.len() - 1]);
        for token in ["", "x", "a.b.c", SERVICE.1, forged.as_str()] {
            assert_dead(&server, token, token);
        }
        server.clock().advance(Duration::from_secs(31 * 60));
        assert_dead(&server, &access, "expired");
        let next = browser.refresh(&next.field("refresh_token"));
        let (access, refresh) = (next.field("access_token"), next.field("refresh_token"));
        assert_eq!(introspect(&server, &access)["active"], true);
        let bearer = format!("Bearer {access}");
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(browser.send("POST", "/api/auth/logout", &headers, "").status, 204);
        assert_dead(&server, &access, "signed out");
        assert_dead(&server, &refresh, "signed out");
    });
}

/// The new role has a maximum idle time of an hour; the token was issued for a week.
#[test]
fn a_refresh_token_that_its_role_has_outlived_is_not_alive() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let refresh = browser.sign_in_for_tokens("ada").field("refresh_token");
        let promote = "UPDATE accounts SET role = 'admin'";
        server.database().store().execute(promote).expect("the database answers");
        assert_eq!(introspect(&server, &refresh)["active"], true);
        server.clock().advance(Duration::from_secs(61 * 60));
        assert_dead(&server, &refresh, "idle for longer than the role may be");
        assert_eq!(browser.refresh(&refresh).code(), "invalid_refresh_token");
    });
}

#[test]
fn only_services_may_ask_and_only_in_the_form_of_the_standard() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let path = "/api/auth/introspect";
    let answer = browser.send("POST", path, &[FORM], "token=x");
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_service_credential"));
    let service = basic(SERVICE.0, SERVICE.1);
    let service = ("authorization", service.as_str());
    let hinted = "token=x&token_type_hint=refresh_token";
    for (body, code) in
        [("", 400), ("token=x&token=y", 400), ("token=x&other=1", 400), (hinted, 200)]
    {
        assert_eq!(browser.send("POST", path, &[service, FORM], body).status, code, "{body}");
    }
    let json = [service, ("content-type", "application/json")];
    assert_eq!(browser.send("POST", path, &json, r#"{"token":"x"}"#).status, 415);
}

#[test]
fn a_revoked_access_token_ends_alone_and_a_revoked_refresh_token_with_its_session() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let signed_in = browser.sign_in_for_tokens("ada");
        let first = signed_in.field("access_token");
        let next = browser.refresh(&signed_in.field("refresh_token"));
        let (second, refresh) = (next.field("access_token"), next.field("refresh_token"));
        let other = browser.sign_in_for_tokens("ada").field("access_token");

        for _ in ["once", "again"] {
            let answer = revoke(&server, &first);
            assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        }
        assert_eq!(me(&server, &[&first, &second, &other]), [401, 200, 200]);
        let recorded = "SELECT count(*) FROM security_events WHERE kind = 'token_revoked'";
        assert_eq!(server.database().store().number(recorded).expect("a count"), 1);

        assert_eq!(revoke(&server, &refresh).status, 200);
        assert_eq!(me(&server, &[&first, &second, &other]), [401, 401, 200]);
        assert_eq!(browser.refresh(&refresh).code(), "invalid_refresh_token");
        server.restart();
        assert_eq!(me(&server, &[&first, &second, &other]), [401, 401, 200]);
    });
}

#[test]
fn revoking_what_is_no_token_is_no_error_but_pages_of_others_may_not_do_it() {
    let server = TestServer::start(TestDatabase::sqlite());
    for token in ["x", "a.b.c", SERVICE.1] {
        assert_eq!(revoke(&server, token).status, 200, "{token}");
    }
    let foreign = [FORM, ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    let answer = Browser::of(&server).send("POST", "/api/auth/revoke", &foreign, "token=x");
    assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_origin"));
}

pub(crate) fn introspect(server: &TestServer, token: &str) -> Value {
    let service = basic(SERVICE.0, SERVICE.1);
    let headers = [FORM, ("authorization", service.as_str())];
    let body = format!("token={token}");
    let answer = Browser::of(server).send("POST", "/api/auth/introspect", &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

fn assert_dead(server: &TestServer, token: &str, why: &str) {
    assert_eq!(introspect(server, token), json!({ "active": false }), "{why}");
}

fn revoke(server: &TestServer, token: &str) -> Answer {
    let body = format!("token={token}&token_type_hint=access_token");
    Browser::of(server).send("POST", "/api/auth/revoke", &[FORM], &body)
}

fn me(server: &TestServer, tokens: &[&str]) -> Vec<u16> {
    tokens.iter().map(|token| Browser::of(server).get_as("/api/auth/me", token).status).collect()
}
