//! The own data as a file, and the deletion of the own account.

use std::time::Duration;

use portcullis_testkit::{PASSWORD, TestDatabase, TestServer, TestSettings};

use crate::form::{input, location, sign_in, signed_in, submit};

const DELETE: &str = "/console/delete-account";

#[test]
fn the_page_of_the_own_data_leads_to_the_file() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let page = browser.get("/console/data", &[]);
    assert!(page.text.contains("href=\"/api/auth/me/data\" download"), "{}", page.text);
    let file = browser.get("/api/auth/me/data", &[]);
    assert_eq!(file.json()["account"]["username"], "ada");
    server.clock().advance(Duration::from_secs(1_000));
    let to = location(&browser.get("/console/data", &[])).to_owned();
    assert_eq!(to, "/console/confirm?next=%2Fconsole%2Fdata");
}

#[test]
fn an_account_is_deleted_with_its_password_only() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = signed_in(&server, "ada");
        let wrong = [("current_password", "not-the-password-of-ada")];
        let answer = submit(&mut browser, DELETE, &wrong);
        assert_eq!(answer.status, 403);
        assert!(input(&answer, "current_password").contains("aria-invalid"), "{}", answer.text);
        let right = [("current_password", PASSWORD)];
        assert_eq!(browser.submit(DELETE, &right).status, 403, "without the token");
        let answer = submit(&mut browser, DELETE, &right);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.contains("Your account is deleted"), "{}", answer.text);
        assert!(!browser.cookies().contains_key("access_token"));
        assert_eq!(sign_in(&mut browser, "ada").status, 401);
    });
}

#[test]
fn where_holders_may_not_delete_their_accounts_the_page_says_so() {
    let settings = TestSettings { own_deletion: false, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = signed_in(&server, "ada");
    let answer = submit(&mut browser, DELETE, &[("current_password", PASSWORD)]);
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("Ask an administrator"), "{}", answer.text);
}
