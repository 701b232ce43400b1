//! Login CSRF: a foreign page cannot sign a visitor in, register an account, or spend a refresh token.

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

const CORS_ORIGIN: &str = "https://app.example.org";

#[test]
fn foreign_pages_are_refused_on_every_public_route_that_changes_something() {
    let server = server();
    let mut browser = Browser::of(&server);
    for page in [
        [("origin", "https://evil.example")].as_slice(),
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("referer", "https://evil.example/sign-in")],
    ] {
        for (path, content_type, body) in requests() {
            let headers = [page, &[("content-type", content_type)]].concat();
            let answer = browser.send("POST", path, &headers, &body);
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "foreign_origin"),
                "{path} from {page:?}"
            );
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    let accounts = server.database().store().number("SELECT count(*) FROM accounts").unwrap();
    assert_eq!(accounts, 1);
}

#[test]
fn the_own_page_those_that_cors_allows_and_programs_get_through() {
    let server = server();
    let own = server.origin().to_owned();
    for page in [
        [].as_slice(),
        &[("origin", own.as_str())],
        &[("referer", own.as_str())],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "cross-site"), ("origin", CORS_ORIGIN)],
    ] {
        for (path, content_type, body) in requests() {
            let headers = [page, &[("content-type", content_type)]].concat();
            let answer = Browser::of(&server).send("POST", path, &headers, &body);
            assert_ne!(answer.status, 403, "{path} from {page:?}");
        }
    }
}

fn requests() -> [(&'static str, &'static str, String); 5] {
    let json = "application/json";
    let sign_in = json!({ "username": "ada", "password": PASSWORD }).to_string();
    let register =
        json!({ "username": "eve", "email": "eve@example.org", "password": PASSWORD }).to_string();
    let setup = json!({
        "setup_token": "x",
        "username": "eve",
        "email": "eve@example.org",
        "password": PASSWORD,
    });
    [
        ("/api/auth/register", json, register),
        (
            "/api/auth/login",
            "application/x-www-form-urlencoded",
            format!("username=ada&password={PASSWORD}"),
        ),
        ("/api/auth/login/json", json, sign_in),
        ("/api/auth/refresh", json, json!({ "refresh_token": "x" }).to_string()),
        ("/api/setup", json, setup.to_string()),
    ]
}

fn server() -> TestServer {
    let cors_origins = vec![CORS_ORIGIN.to_owned()];
    let settings = TestSettings { cors_origins, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    Browser::of(&server).register("ada");
    server
}
