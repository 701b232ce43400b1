//! Change of the address by its holder, confirmed by a mailed link.

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::json;

use crate::member::Member;
use crate::registration::faults;

const CHANGE: &str = "/api/auth/email/change";

#[test]
fn the_account_changes_when_the_link_is_followed() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::new(&server, "ada", "msa");
        let body = json!({ "email": "ada@example.net", "current_password": PASSWORD });
        assert_eq!(ada.post(CHANGE, &body).status, 202);
        assert_eq!(ada.get("/api/auth/me").json()["email"], "ada@example.org");
        let token = server.database().only_link();
        let mut anybody = Browser::of(&server);
        let confirmed = anybody.post("/api/auth/email/confirm", &json!({ "token": token }));
        assert_eq!(confirmed.status, 200);
        assert_eq!(confirmed.json(), json!({ "username": "ada", "email": "ada@example.net" }));
        let used = anybody.post("/api/auth/email/confirm", &json!({ "token": token }));
        assert_eq!((used.status, used.code().as_str()), (410, "invalid_link"));
        let verify = anybody.post("/api/auth/email/verify", &json!({ "token": token }));
        assert_eq!(verify.code(), "invalid_link", "another purpose");
        assert_eq!(anybody.sign_in("ada@example.net").status, 200);
    });
}

#[test]
fn the_answer_is_the_same_for_a_taken_address_and_the_password_is_required() {
    let server = TestServer::start(TestDatabase::sqlite());
    let (ada, grace) = (Member::new(&server, "ada", "msa"), "grace@example.org");
    Member::new(&server, "grace", "msa");
    let ask = |email: &str, password: &str| {
        ada.post(CHANGE, &json!({ "email": email, "current_password": password }))
    };
    let (free, taken) = (ask("free@example.net", PASSWORD), ask(grace, PASSWORD));
    assert_eq!((free.status, &free.text), (taken.status, &taken.text));
    let wrong = ask(grace, "not-the-password-of-ada");
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "wrong_password"));
    for (email, code) in [("nowhere", "malformed"), ("ada@example.org", "unchanged")] {
        let refused = ask(email, PASSWORD);
        assert_eq!(refused.status, 422);
        assert_eq!(faults(&refused), [("email".to_owned(), code.to_owned())]);
    }
    let body = json!({ "email": "eve@example.net", "current_password": PASSWORD });
    assert_eq!(Browser::of(&server).post(CHANGE, &body).status, 401);
}
