//! The sign-in form, checked as strictly as JSON.

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer};

use crate::registration::faults;
use crate::wire;

const FORM: &str = "content-type: application/x-www-form-urlencoded";

#[test]
fn a_form_signs_in_and_may_ask_for_tokens_in_the_body() {
    let server = server();
    let name = "username=ada&device_name=Ada%27s+laptop";
    let answer = sign_in(&server, &[FORM], format!("{name}&password={PASSWORD}").as_bytes());
    assert_eq!(answer.status, 200);
    let utf_8 = format!("{FORM}; charset=UTF-8");
    let body = format!("{name}&password={PASSWORD}&delivery=body");
    let answer = sign_in(&server, &[&utf_8], body.as_bytes());
    assert!(answer.status == 200 && answer.json()["access_token"].is_string());
}

#[test]
fn a_plus_is_a_space_and_percent_escapes_are_utf_8() {
    let server = server();
    let password = "zwölf weiße otter + cello";
    let body = serde_json::json!({
        "username": "grace", "email": "grace@example.org", "password": password,
    });
    assert_eq!(Browser::of(&server).post("/api/auth/register", &body).status, 201);
    let escaped = "username=grace&password=zw%C3%B6lf+wei%C3%9Fe%20otter+%2B+cello";
    assert_eq!(sign_in(&server, &[FORM], escaped.as_bytes()).status, 200);
}

#[test]
fn every_field_is_known_present_and_there_once() {
    let server = server();
    for (body, field, code) in [
        ("", "username", "missing"),
        ("username=ada", "password", "missing"),
        ("username=ada&username=eve&password=x", "username", "duplicate"),
        ("username=ada&password=x&password=y", "password", "duplicate"),
        ("username=ada&password=x&user%6eame=eve", "username", "duplicate"),
        ("username[]=ada&password=x", "", "unknown"),
        ("username=ada&password=x&admin=1", "admin", "unknown"),
        ("username=ada;password=x", "password", "missing"),
        ("username=ada&password=x&delivery=post", "delivery", "wrong_type"),
        ("username=ada%00&password=x", "username", "forbidden_character"),
        ("username=ada%0d%0aSet-Cookie:x&password=x", "username", "forbidden_character"),
        ("username=%ff%fe&password=x", "username", "forbidden_character"),
        ("username=%c0%af&password=x", "username", "forbidden_character"),
        ("username=%ed%a0%80&password=x", "username", "forbidden_character"),
        ("username=ada%e2%80%ae&password=x", "username", "forbidden_character"),
        ("username=ada%f3%a0%81%81&password=x", "username", "forbidden_character"),
        ("username=ada&password=%1b", "password", "forbidden_character"),
    ] {
        let answer = sign_in(&server, &[FORM], body.as_bytes());
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{body}");
        assert_eq!(faults(&answer), [(field.to_owned(), code.to_owned())], "{body}");
    }
}

#[test]
fn raw_bytes_that_are_not_utf_8_are_refused() {
    let server = server();
    let answer = sign_in(&server, &[FORM], b"username=\xff\xfe&password=x");
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
}

#[test]
fn a_form_of_another_type_or_size_is_refused() {
    let server = server();
    for lines in [
        [].as_slice(),
        &["content-type: application/json"],
        &["content-type: text/plain"],
        &["content-type: multipart/form-data; boundary=x"],
        &["content-type: application/x-www-form-urlencoded; charset=latin1"],
        &[FORM, FORM],
        &[FORM, "content-encoding: gzip"],
    ] {
        let answer = sign_in(&server, lines, b"username=ada&password=x");
        assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported_media_type"));
    }
    let large = format!("username={}", "a".repeat(16 * 1024));
    let answer = sign_in(&server, &[FORM], large.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[test]
fn fields_in_the_address_do_not_count() {
    let server = server();
    let path = format!("POST /api/auth/login?username=ada&password={PASSWORD}");
    let answer = wire::send(&server, &path, &[FORM], b"");
    assert_eq!(faults(&answer), [("username".to_owned(), "missing".to_owned())]);
}

fn server() -> TestServer {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    server
}

fn sign_in(server: &TestServer, lines: &[&str], body: &[u8]) -> Answer {
    wire::send(server, "POST /api/auth/login", lines, body)
}
