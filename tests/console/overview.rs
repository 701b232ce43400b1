//! The overview: what an operator sees first.

use std::time::Duration;

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};

use crate::administration::with_role;
use crate::form::{location, signed_in};

#[test]
fn the_overview_counts_what_there_is_and_leads_to_it() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        signed_in(&server, "bob");
        for _ in 0..5 {
            let fields = [("username", "bob"), ("password", "wrong"), ("next", "")];
            Browser::of(&server).submit("/console/sign-in", &fields);
        }
        // The last day ends before now.
        server.clock().advance(Duration::from_secs(30));
        let page = admin.get("/console/admin", &[]);
        assert_eq!(page.status, 200, "{}", page.text);
        let figure = |path: &str| {
            let after = page.text.split(&format!("<a href=\"{path}\">")).last().expect("a link");
            let value = after.split("<dd>").nth(1).and_then(|value| value.split('<').next());
            value.unwrap_or_default().to_owned()
        };
        assert_eq!(figure("/console/admin/lockouts"), "1");
        assert_eq!(figure("/console/admin/sessions"), "2");
        assert_eq!(figure("/console/admin/users"), "2");
        // A mail to verify the address of each.
        assert_eq!(figure("/console/admin/outbox"), "2", "{}", page.text);
        for part in ["<strong>5</strong> Refused", "<strong>2</strong> Successful", "all fine"] {
            assert!(page.text.contains(part), "{part} in {}", page.text);
        }
        assert!(page.text.contains("wrong_password <strong>"), "{}", page.text);
    });
}

#[test]
fn a_person_without_a_section_for_operators_has_no_overview() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut bob = signed_in(&server, "bob");
    let home = bob.get("/console", &[]);
    assert!(!home.text.contains("/console/admin"), "{}", home.text);
    assert_eq!(bob.get("/console/admin", &[]).status, 403);
}

#[test]
fn an_account_that_must_change_its_password_has_no_overview() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    assert_eq!(admin.get("/console/admin", &[]).status, 200);
    let demand = "UPDATE accounts SET password_must_change = true WHERE username = 'ada'";
    server.database().store().execute(demand).expect("the account is there");
    let mut again = Browser::of(&server);
    let fields = [("username", "ada"), ("password", PASSWORD), ("next", "/console/admin")];
    again.submit("/console/sign-in", &fields);
    assert_eq!(location(&again.get("/console/admin", &[])), "/console/password");
}

#[test]
fn what_the_overview_shows_is_decided_and_recorded() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let mut bob = signed_in(&server, "bob");
    let refused = bob.get("/console/admin", &[]);
    assert!(refused.status == 403 && refused.text.contains("<code>"), "{}", refused.text);
    admin.get("/console/admin", &[]);
    let log = admin.get("/console/admin/audit?kind=permission_check", &[]);
    for check in ["settings:export", "audit_log:read", "user:list"] {
        let (resource, action) = check.split_once(':').expect("two words");
        assert!(log.text.contains(resource) && log.text.contains(action), "{check}: {}", log.text);
    }
    assert!(log.text.contains(">denied</span>"), "{}", log.text);
}
