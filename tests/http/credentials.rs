//! The access token of a request: one credential, of one kind, in one place.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer};

use crate::wire;

#[test]
fn a_request_without_credentials_is_challenged() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/api/auth/me", &[]);
    assert_eq!((answer.status, answer.code().as_str()), (401, "not_authenticated"));
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="portcullis""#));
}

#[test]
fn a_token_that_does_not_hold_is_challenged_as_such() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get_as("/api/auth/me", "not-a-token");
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"));
    let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

#[test]
fn the_scheme_is_bearer_in_any_letter_case_and_nothing_else() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = access_token(&server);
    let mut client = Browser::of(&server);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {token}");
        assert_eq!(client.get("/api/auth/me", &[("authorization", &authorization)]).status, 200);
    }
    for authorization in [
        format!("Basic {token}"),
        format!("Bearer  {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer {token},"),
        format!("Bearer \"{token}\""),
        format!("Bearer {token}="),
        "Bearer".to_owned(),
        String::new(),
        token,
    ] {
        let answer = client.get("/api/auth/me", &[("authorization", &authorization)]);
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"));
    }
}

#[test]
fn an_unreadable_authorization_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = wire::send(&server, "GET /api/auth/me", &["authorization: Bearer é"], b"");
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"));
}

#[test]
fn an_empty_cookie_is_no_credential() {
    let server = TestServer::start(TestDatabase::sqlite());
    let bearer = format!("authorization: Bearer {}", access_token(&server));
    let empty = "cookie: access_token=";
    assert_eq!(wire::send(&server, "GET /api/auth/me", &[&bearer, empty], b"").status, 200);
    let answer = wire::send(&server, "GET /api/auth/me", &[empty], b"");
    assert_eq!((answer.status, answer.code().as_str()), (401, "not_authenticated"));
}

#[test]
fn two_credentials_are_one_too_many() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = access_token(&server);
    let (bearer, cookie) =
        (format!("authorization: Bearer {token}"), format!("cookie: access_token={token}"));
    let twice_in_one_line = format!("cookie: access_token={token}; access_token={token}");
    for lines in [
        vec![bearer.as_str(), &cookie],
        vec![&bearer, &bearer],
        vec![&cookie, &cookie],
        vec![&twice_in_one_line],
        vec!["cookie: access_token=; access_token="],
    ] {
        let answer = wire::send(&server, "GET /api/auth/me", &lines, b"");
        assert_eq!((answer.status, answer.code().as_str()), (400, "ambiguous_credentials"));
    }
}

#[test]
fn two_binding_or_device_cookies_are_one_too_many() {
    let server = TestServer::start(TestDatabase::sqlite());
    let refresh_token = Browser::of(&server).register("ada").field("id");
    let json = "content-type: application/json";
    let body = format!(r#"{{"refresh_token":"{refresh_token}"}}"#);
    let lines = [json, "cookie: refresh_binding=a; refresh_binding=b"];
    let answer = wire::send(&server, "POST /api/auth/refresh", &lines, body.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (400, "ambiguous_credentials"));

    let body = br#"{"username":"ada","password":"violet-otter-plays-7-cellos"}"#;
    let lines = [json, "cookie: device=a; device=b"];
    let answer = wire::send(&server, "POST /api/auth/login/json", &lines, body);
    assert_eq!((answer.status, answer.code().as_str()), (400, "ambiguous_credentials"));
}

/// Browsers protect `__Host-` names only in this spelling, so other spellings must be ignored.
#[test]
fn a_cookie_counts_only_under_its_exact_name() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = access_token(&server);
    for name in ["%61ccess_token", "Access_Token", "access_token%20", "\"access_token\"", "_token"]
    {
        let cookie = format!("cookie: {name}={token}");
        let answer = wire::send(&server, "GET /api/auth/me", &[&cookie], b"");
        assert_eq!((answer.status, answer.code().as_str()), (401, "not_authenticated"), "{name}");
    }
}

#[test]
fn malformed_cookies_of_others_are_passed_over() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = access_token(&server);
    for others in ["nameless", "=valueless", ";;", "caf\u{e9}=\u{ff}", "a=b=c", "x=%zz"] {
        let cookie = format!("cookie: {others}; access_token={token}; {others}");
        let answer = wire::send(&server, "GET /api/auth/me", &[&cookie], b"");
        assert_eq!(answer.status, 200, "{others}");
    }
}

#[test]
fn a_token_of_one_kind_is_refused_as_any_other() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let signed_in = browser.sign_in("ada");
    let csrf = browser.csrf_token();
    let cookies = browser.cookies().clone();
    let refresh = signed_in.field("refresh_token");
    for token in [&refresh, &cookies["refresh_binding"], &cookies["device"], &csrf] {
        let answer = browser.get_as("/api/auth/me", token);
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"));
    }
    for token in [&cookies["access_token"], &cookies["refresh_binding"], &cookies["device"], &csrf]
    {
        let answer = browser.refresh(token);
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_refresh_token"));
    }
    assert_eq!(browser.get("/api/auth/me", &[]).status, 200, "nothing ended by this");
}

#[test]
fn an_access_token_dies_of_age() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = access_token(&server);
    let client = Browser::of(&server);
    server.clock().advance(Duration::from_secs(30 * 60 - 1));
    assert_eq!(client.get_as("/api/auth/me", &token).status, 200);
    server.clock().advance(Duration::from_secs(62));
    assert_eq!(client.get_as("/api/auth/me", &token).code(), "invalid_token");
}

fn access_token(server: &TestServer) -> String {
    let mut client = Browser::of(server);
    client.register("ada");
    client.sign_in_for_tokens("ada").field("access_token")
}
