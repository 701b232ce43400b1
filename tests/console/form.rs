//! The forms of a page, read as a browser reads them.

use portcullis_testkit::{Answer, Browser, PASSWORD, TestServer};

/// The value of the input with this name; an HTML entity is decoded.
pub(crate) fn value(answer: &Answer, name: &str) -> String {
    let input = input(answer, name);
    let value = input.split_once(" value=\"").map(|(_, rest)| rest).unwrap_or_default();
    let value = value.split('"').next().unwrap_or_default();
    value.replace("&#38;", "&").replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"")
}

/// The tag of the input with this name.
pub(crate) fn input<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let found = answer.text.split("<input").find(|tag| tag.contains(&format!("name=\"{name}\"")));
    let found = found.unwrap_or_else(|| panic!("no input {name:?} in {}", answer.text));
    found.split('>').next().unwrap_or_default()
}

/// Signs in by the page, to the first page.
pub(crate) fn sign_in(browser: &mut Browser, username: &str) -> Answer {
    let fields = [("username", username), ("password", PASSWORD), ("next", "")];
    browser.submit("/console/sign-in", &fields)
}

/// A browser that has signed in to a new account with this name.
pub(crate) fn signed_in(server: &TestServer, username: &str) -> Browser {
    let mut browser = Browser::of(server);
    browser.register(username);
    assert_eq!(location(&sign_in(&mut browser, username)), "/console");
    browser
}

/// Sends a form of a signed-in person, with its CSRF token.
pub(crate) fn submit(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = value(&browser.get("/console", &[]), "csrf_token");
    let mut fields = fields.to_vec();
    fields.push(("csrf_token", &csrf));
    browser.submit(path, &fields)
}

/// The place to which an answer leads.
pub(crate) fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").expect("a redirect has a place")
}
