//! The main path, from registration to sign-out, with the exact form of every answer.

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::json;

use crate::answer::{account, account_signed_in, redacted};

#[test]
fn registering_answers_the_account() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).register("ada");
    assert_eq!(answer.status, 201);
    assert_eq!(redacted(&answer), account("ada"));
}

#[test]
fn registering_keeps_the_display_name_and_the_email_as_typed_and_the_name_in_its_normal_form() {
    let server = TestServer::start(TestDatabase::sqlite());
    let body = json!({
        "username": "ADA",
        "email": "Ada.L@Example.org",
        "password": PASSWORD,
        "display_name": "Ada Lovelace",
    });
    let answer = Browser::of(&server).post("/api/auth/register", &body).json();
    assert_eq!(answer["username"], "ada");
    assert_eq!(answer["email"], "Ada.L@Example.org");
    assert_eq!(answer["display_name"], "Ada Lovelace");
}

#[test]
fn signing_in_by_json_and_by_form_answers_the_same_tokens() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    let expected = json!({
        "refresh_token": "[random]",
        "token_type": "Bearer",
        "expires_in": 1800,
        "session_id": "[random]",
        "account": account_signed_in("ada"),
    });

    let json = Browser::of(&server).sign_in("ada");
    assert_eq!((json.status, redacted(&json)), (200, expected.clone()));
    let form = Browser::of(&server).send(
        "POST",
        "/api/auth/login",
        &[("content-type", "application/x-www-form-urlencoded")],
        &format!("username=ada%40example.org&password={PASSWORD}"),
    );
    assert_eq!((form.status, redacted(&form)), (200, expected));
}

#[test]
fn a_browser_uses_every_route_of_a_session() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        assert_eq!(browser.register("ada").status, 201);
        let signed_in = browser.sign_in("ada");
        let me = browser.get("/api/auth/me", &[]);
        assert_eq!((me.status, redacted(&me)), (200, account_signed_in("ada")));

        let refreshed = browser.refresh(&signed_in.field("refresh_token"));
        assert_eq!(refreshed.status, 200);
        let mut expected = redacted(&signed_in);
        expected["account"] = account_signed_in("ada");
        assert_eq!(redacted(&refreshed), expected);
        assert_eq!(refreshed.field("session_id"), signed_in.field("session_id"));
        assert_ne!(refreshed.field("refresh_token"), signed_in.field("refresh_token"));
        assert_eq!(browser.get("/api/auth/me", &[]).status, 200);

        let csrf = browser.get("/api/auth/csrf", &[]);
        assert_eq!((csrf.status, redacted(&csrf)), (200, json!({ "csrf_token": "[random]" })));
        let signed_out = browser.sign_out("/api/auth/logout");
        assert_eq!((signed_out.status, signed_out.text.as_str()), (204, ""));
        assert_eq!(browser.get("/api/auth/me", &[]).code(), "not_authenticated");
    });
}

#[test]
fn a_client_without_cookies_uses_every_route_of_a_session() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let signed_in = client.sign_in_for_tokens("ada");
        let expected = json!({
            "refresh_token": "[random]",
            "token_type": "Bearer",
            "expires_in": 1800,
            "session_id": "[random]",
            "account": account_signed_in("ada"),
            "access_token": "[random]",
        });
        assert_eq!((signed_in.status, redacted(&signed_in)), (200, expected.clone()));
        let me = client.get_as("/api/auth/me", &signed_in.field("access_token"));
        assert_eq!((me.status, redacted(&me)), (200, account_signed_in("ada")));

        let refreshed = client.refresh(&signed_in.field("refresh_token"));
        assert_eq!((refreshed.status, redacted(&refreshed)), (200, expected));
        let bearer = format!("Bearer {}", refreshed.field("access_token"));
        let out = client.send("POST", "/api/auth/logout", &[("authorization", &bearer)], "");
        assert_eq!(out.status, 204);
        let me = client.get_as("/api/auth/me", &refreshed.field("access_token"));
        assert_eq!((me.status, me.code().as_str()), (401, "invalid_token"));
    });
}
