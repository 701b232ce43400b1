//! Errors under `/console` are pages; elsewhere they stay problem documents.

use portcullis_testkit::{Browser, TestDatabase, TestServer};

#[test]
fn an_unknown_page_is_a_page_with_a_way_on() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/console/nowhere", &[]);
    assert_eq!(answer.status, 404);
    assert!(answer.text.contains("This page does not exist"), "{}", answer.text);
    assert!(answer.text.contains("href=\"/console\""), "{}", answer.text);
    assert_eq!(Browser::of(&server).get("/api/nowhere", &[]).code(), "not_found");
}

#[test]
fn another_method_is_refused_with_those_of_the_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).send("DELETE", "/console/sign-in", &[], "");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[test]
fn a_form_of_another_type_or_with_other_fields_is_refused_as_a_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let answer = browser.send("POST", "/console/sign-in", &[("content-type", "text/plain")], "a");
    assert_eq!(answer.status, 415);
    let answer = browser.submit("/console/sign-in", &[("username", "<b>"), ("admin", "1")]);
    assert_eq!(answer.status, 400);
    assert!(!answer.text.contains("<b>"), "{}", answer.text);
}

#[test]
fn what_was_typed_is_escaped() {
    let server = TestServer::start(TestDatabase::sqlite());
    let fields = [("username", "\"><script>x</script>'"), ("password", "x"), ("next", "\"><b>")];
    let answer = Browser::of(&server).submit("/console/sign-in", &fields);
    assert_eq!(answer.status, 401);
    assert!(!answer.text.contains("<script>") && !answer.text.contains("<b>"), "{}", answer.text);
}
