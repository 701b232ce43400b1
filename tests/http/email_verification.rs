//! Verification of addresses by mailed links, and sign-in before it.

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

#[test]
fn an_unverified_account_learns_it_by_the_right_password_only() {
    TestDatabase::on_both(|database| {
        let settings = TestSettings { requires_verified_email: true, ..TestSettings::default() };
        let server = TestServer::with(database, settings);
        let mut browser = Browser::of(&server);
        assert_eq!(browser.register("ada").status, 201);
        let link = server.database().only_link();
        let wrong = browser.sign_in_with("ada", "not-the-password-of-ada");
        assert_eq!((wrong.status, wrong.code().as_str()), (401, "invalid_credentials"));
        let right = browser.sign_in_with("ada", PASSWORD);
        assert_eq!((right.status, right.code().as_str()), (403, "email_not_verified"));
        let verified = browser.post("/api/auth/email/verify", &json!({ "token": link }));
        assert_eq!(verified.status, 200);
        assert_eq!(browser.sign_in("ada").status, 200);
        assert_eq!(browser.get("/api/auth/me", &[]).json()["email_verified"], true);
    });
}

#[test]
fn a_request_for_a_link_has_one_answer_for_every_address() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    server.database().mails();
    let mut bodies = Vec::new();
    for email in ["ada@example.org", "nobody@example.org", "not an address"] {
        let answer = browser.post("/api/auth/email/resend", &json!({ "email": email }));
        assert_eq!(answer.status, 202);
        bodies.push(answer.text);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert_eq!(server.database().mails().len(), 1);
}
