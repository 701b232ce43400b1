//! The display name.

use portcullis_testkit::{TestDatabase, TestServer};

use crate::form::{input, location, signed_in, submit, value};

#[test]
fn a_display_name_is_set_shown_and_removed() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let name = "Ada <b>Lovelace</b> & Co";
    let answer = submit(&mut browser, "/console/profile", &[("display_name", name)]);
    assert_eq!(location(&answer), "/console");
    let home = browser.get("/console", &[]);
    assert!(home.text.contains("Ada &#60;b&#62;Lovelace&#60;/b&#62; &#38; Co"), "{}", home.text);
    assert!(!home.text.contains("<b>"));
    assert_eq!(value(&browser.get("/console/profile", &[]), "display_name"), name);
    let answer = submit(&mut browser, "/console/profile", &[("display_name", "")]);
    assert_eq!(location(&answer), "/console");
    assert!(!browser.get("/console", &[]).text.contains("Lovelace"));
}

#[test]
fn a_name_that_is_refused_stays_in_the_field() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    for (name, status) in [(" Ada", 422), ("A\u{202e}da", 400)] {
        let answer = submit(&mut browser, "/console/profile", &[("display_name", name)]);
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(input(&answer, "display_name").contains("aria-invalid"), "{}", answer.text);
        assert_eq!(value(&answer, "display_name"), name);
    }
}
