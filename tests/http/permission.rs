//! Routes guarded by the access matrix: the permission, and the maximum age of the sign-in.

use std::time::Duration;

use portcullis_api::route_table;
use portcullis_flows::access::permission;
use portcullis_testkit::{TestDatabase, TestServer};
use portcullis_web::{Audience, Route};
use serde_json::json;

use crate::member::Member;

#[test]
fn without_the_permissions_of_a_route_nobody_gets_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    for role in ["msa", "resident", "faculty", "coordinator"] {
        let member = Member::new(&server, role, role);
        let of_roles = |route: &&Route| {
            !route.guard.permissions.is_empty() && route.guard.audience == Audience::Caller
        };
        for route in route_table().into_iter().filter(of_roles) {
            let path = route.path.replace("{number}", "1").replace("{id}", "00000000000000ff-1");
            let headers = [("content-type", "application/json")];
            let body =
                if route.method.as_str() == "GET" { "" } else { r#"{"text":"","version":1}"# };
            let answer = member.send(route.method.as_str(), &path, &headers, body);
            // A body of another route may be refused first.
            assert!([400, 403].contains(&answer.status), "{role} {route:?}: {}", answer.text);
            assert!(
                ["forbidden", "invalid_request"].contains(&&*answer.code()),
                "{role} {route:?}"
            );
        }
    }
}

#[test]
fn the_documentation_says_of_each_permission_what_it_amounts_to() {
    let page = include_str!("../../docs/access.md");
    for (resource, action) in permission::ALL {
        let row = format!("| `{resource}:{action}` |");
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
    for route in route_table() {
        for needed in route.guard.permissions {
            let known = match route.guard.audience {
                Audience::Service => &permission::OF_SERVICES[..],
                _ => &permission::ALL,
            };
            assert!(known.contains(needed), "{route:?}");
        }
    }
}

#[test]
fn an_account_that_must_change_its_password_can_do_only_that() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::unsettled(&server, "grace", "admin");
    for route in route_table() {
        let path = route.path.replace("{number}", "1").replace("{id}", "1");
        if matches!(route.guard.audience, Audience::Caller | Audience::FactorEnrolment) {
            let answer = admin.send(route.method.as_str(), &path, &[], "");
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "password_change_required"),
                "{path}"
            );
        }
    }
    for path in ["/api/auth/me", "/api/auth/csrf"] {
        assert_eq!(admin.get(path).status, 200, "{path}");
    }
    assert_eq!(admin.send("POST", "/api/auth/logout", &[], "").status, 204);
}

#[test]
fn what_changes_the_house_takes_a_sign_in_of_the_last_fifteen_minutes() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = Member::new(&server, "grace", "admin");
        let activate =
            |admin: &Member| admin.post("/api/admin/matrix/activate", &json!({ "version": 1 }));
        server.clock().advance(Duration::from_secs(15 * 60 - 1));
        assert_eq!(activate(&admin).status, 200);
        assert_eq!(admin.get("/api/admin/audit/export?format=jsonl").status, 200);
        server.clock().advance(Duration::from_secs(1));
        for answer in [activate(&admin), admin.get("/api/admin/audit/export")] {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "insufficient_user_authentication")
            );
            let challenge = answer.header("www-authenticate").unwrap();
            assert_eq!(
                challenge,
                "Bearer realm=\"portcullis\", error=\"insufficient_user_authentication\", \
                 error_description=\"A more recent sign-in is required\", max_age=900"
            );
        }
        assert_eq!(admin.get("/api/admin/audit").status, 200, "reading does not");
        admin.sign_in_again("grace");
        assert_eq!(activate(&admin).status, 200);
    });
}

#[test]
fn a_refresh_does_not_make_a_sign_in_recent() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = Member::new(&server, "grace", "admin");
    let mut browser = portcullis_testkit::Browser::of(&server);
    let refresh_token = browser.sign_in_for_tokens("grace").field("refresh_token");
    server.clock().advance(Duration::from_secs(16 * 60));
    admin.token = browser.refresh(&refresh_token).field("access_token");
    let answer = admin.post("/api/admin/matrix/rollback", &json!({}));
    assert_eq!(answer.code(), "insufficient_user_authentication");
}

#[test]
fn an_old_sign_in_is_told_before_the_permission_is_asked() {
    let server = TestServer::start(TestDatabase::sqlite());
    let msa = Member::new(&server, "ada", "msa");
    server.clock().advance(Duration::from_secs(15 * 60));
    let answer = msa.get("/api/admin/audit/export");
    assert_eq!(answer.code(), "insufficient_user_authentication");
    let blocks = server.database().store().number("SELECT count(*) FROM decision_blocks");
    assert_eq!(blocks.unwrap(), 0, "nothing was decided");
}
