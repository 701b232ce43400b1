//! The own sessions and known devices by a page.

use portcullis_testkit::{Browser, TestDatabase, TestServer};

use crate::form::{location, sign_in, signed_in, submit};

/// The ids of the forms in a list, in order.
fn ids(page: &str, action: &str) -> Vec<String> {
    let forms = page.split("<form").filter(|form| form.contains(&format!("action=\"{action}\"")));
    let id = |form: &str| form.split_once("name=\"id\" value=\"").expect("an id").1.to_owned();
    forms.map(|form| id(form).split('"').next().expect("it ends").to_owned()).collect()
}

const END: &str = "/console/sessions/end";
const FORGET: &str = "/console/sessions/forget-device";

#[test]
fn other_sessions_and_this_one_are_ended() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = signed_in(&server, "ada");
        let mut others = [(); 3].map(|()| {
            let mut other = Browser::of(&server);
            sign_in(&mut other, "ada");
            other
        });
        let page = browser.get("/console/sessions", &[]);
        assert_eq!(ids(&page.text, END).len(), 4, "{}", page.text);
        assert_eq!(page.text.matches("this browser").count(), 2, "a session and a device");
        let mine = others[0].get("/console/sessions", &[]).text;
        let item = mine.split("<li").find(|item| item.contains("this browser")).expect("mine");
        let id = ids(item, END)[0].clone();
        let answer = submit(&mut browser, END, &[("id", &id)]);
        assert_eq!(location(&answer), "/console/sessions");
        assert_eq!(location(&others[0].get("/console", &[])), "/console/renew");
        assert_eq!(others[1].get("/console", &[]).status, 200);
        let answer = submit(&mut browser, "/console/sessions/end-others", &[]);
        assert_eq!(location(&answer), "/console/sessions");
        assert_eq!(location(&others[1].get("/console", &[])), "/console/renew");
        let page = browser.get("/console/sessions", &[]);
        let ids = ids(&page.text, END);
        assert_eq!(ids.len(), 1);
        assert_eq!(location(&submit(&mut browser, END, &[("id", &ids[0])])), "/console/sign-out");
        assert!(!browser.cookies().contains_key("access_token"));
    });
}

#[test]
fn a_session_of_somebody_else_is_not_ended() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = signed_in(&server, "ada");
    let mut bob = signed_in(&server, "bob");
    let id = ids(&bob.get("/console/sessions", &[]).text, END)[0].clone();
    submit(&mut ada, END, &[("id", &id)]);
    assert_eq!(bob.get("/console", &[]).status, 200);
    assert_eq!(submit(&mut ada, END, &[("id", "nothing")]).status, 404);
}

#[test]
fn a_forgotten_device_is_signed_out() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let id = ids(&browser.get("/console/sessions", &[]).text, FORGET)[0].clone();
    let answer = submit(&mut browser, FORGET, &[("id", &id)]);
    assert_eq!(location(&answer), "/console/sessions");
    assert!(!browser.cookies().contains_key("device"));
    assert_eq!(location(&browser.get("/console", &[])), "/console/renew");
}

#[test]
fn no_form_works_without_its_token() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let id = ids(&browser.get("/console/sessions", &[]).text, END)[0].clone();
    for path in [END, FORGET] {
        assert_eq!(browser.submit(path, &[("id", &id)]).status, 403, "{path}");
    }
    assert_eq!(browser.submit("/console/sessions/end-others", &[]).status, 403);
}
