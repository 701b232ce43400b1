//! Deletion of an account with second factors: nothing of them is left.

use portcullis_testkit::{
    Browser, PASSWORD, SoftAuthenticator, TestDatabase, TestServer, TestSettings,
};
use serde_json::json;

use crate::member::Member;

const TABLES: [&str; 5] =
    ["totp_factors", "totp_enrolments", "backup_codes", "passkeys", "sign_in_challenges"];

/// An account with every factor, an unfinished enrolment and an unfinished second step.
fn member(server: &TestServer, name: &str) -> Member {
    let mut member = Member::new(server, name, "msa");
    member.enrol_app(server);
    member.add_passkey(server, &mut SoftAuthenticator::default());
    let password = json!({ "current_password": PASSWORD });
    for path in ["/api/auth/mfa/backup-codes", "/api/auth/mfa/totp/enrol"] {
        assert_eq!(member.post(path, &password).status, 200, "{path}");
    }
    let first = Browser::of(server).sign_in_for_tokens(name);
    assert_eq!(first.json()["mfa_required"], true);
    member
}

#[test]
fn a_deleted_account_leaves_no_factor_and_no_challenge() {
    TestDatabase::on_both(|database| {
        let settings = TestSettings { named: true, ..TestSettings::default() };
        let server = TestServer::with(database, settings);
        let admin = Member::new(&server, "grace", "admin");
        let [ada, linus] = ["ada", "linus"].map(|name| member(&server, name));
        let rows = || {
            TABLES.map(|table| {
                let count = format!("SELECT count(*) FROM {table}");
                server.database().store().number(&count).expect("the database answers")
            })
        };
        assert_eq!(rows(), [2; 5]);
        let deleted = ada.post("/api/auth/me/delete", &json!({ "current_password": PASSWORD }));
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        assert_eq!(rows(), [1; 5], "by its owner");
        let path = format!("/api/admin/users/{}", linus.account);
        assert_eq!(admin.send("DELETE", &path, &[], "").status, 204);
        assert_eq!(rows(), [0; 5], "by an administrator");
    });
}
