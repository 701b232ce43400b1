//! A forgotten password, by pages.

use portcullis_testkit::{Browser, TestDatabase, TestServer};

use crate::form::{input, location, signed_in, value};

const NEW: &str = "amber-walrus-paints-9-fences";

#[test]
fn a_mailed_link_sets_a_new_password_and_ends_all_sessions() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut old = signed_in(&server, "ada");
        server.database().mails();
        let mut browser = Browser::of(&server);
        for email in ["nobody@example.org", "ada@example.org"] {
            let answer = browser.submit("/console/forgot-password", &[("email", email)]);
            assert_eq!(location(&answer), "/console/check-mail");
        }
        let token = server.database().only_link();
        let page = browser.get(&format!("/console/reset-password?token={token}"), &[]);
        assert_eq!(value(&page, "token"), token);
        let field = input(&page, "new_password");
        assert!(field.contains("autocomplete=\"new-password\""), "{field}");
        let weak = [("token", &*token), ("new_password", "short")];
        let refused = browser.submit("/console/reset-password", &weak);
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains("href=\"#new_password\""), "{}", refused.text);
        assert_eq!(value(&refused, "token"), token, "the link was not spent");
        let fields = [("token", &*token), ("new_password", NEW)];
        let answer = browser.submit("/console/reset-password", &fields);
        assert_eq!(location(&answer), "/console/sign-in?notice=reset");
        assert_eq!(browser.submit("/console/reset-password", &fields).status, 410);
        assert_eq!(location(&old.get("/console", &[])), "/console/renew");
        assert_eq!(location(&old.get("/console/renew", &[])), "/console/sign-in?notice=ended");
        let fields = [("username", "ada"), ("password", NEW), ("next", "")];
        assert_eq!(location(&browser.submit("/console/sign-in", &fields)), "/console");
    });
}
