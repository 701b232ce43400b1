//! Invitations: administrators invite, and the invited person registers with the token of the link.

use portcullis_flows::identity::account_request::RegistrationMode;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;

const PATH: &str = "/api/admin/invitations";

#[test]
fn an_administrator_invites_and_the_invited_person_registers() {
    TestDatabase::on_both(|database| {
        let server = by_invitation(database);
        let admin = Member::new(&server, "grace", "admin");
        let body = json!({ "email": "ada@example.org", "role": "faculty", "kind": "developer" });
        let invited = admin.post(PATH, &body);
        assert_eq!((invited.status, invited.field("role")), (201, "faculty".to_owned()));
        assert_eq!(invited.json()["invited_by"], json!(admin.account.to_string()));
        let listed = admin.get(PATH).json();
        assert_eq!(listed["items"], json!([invited.json()]));
        assert_eq!(listed["next_cursor"], Value::Null);

        let refused = register(&server, &json!({ "email": "ada@example.org" }));
        assert_eq!((refused.status, refused.code().as_str()), (403, "invitation_required"));
        let link = server.database().only_link();
        let other = register(&server, &json!({ "invitation": link, "email": "eve@example.org" }));
        assert_eq!(faults(&other), [("email".to_owned(), "not_invited".to_owned())]);
        let created = register(&server, &json!({ "invitation": link }));
        assert_eq!((created.status, created.field("email").as_str()), (201, "ada@example.org"));
        assert_eq!(created.json()["email_verified"], true);
        assert_eq!(
            (created.field("role"), created.field("kind")),
            ("faculty".to_owned(), "developer".to_owned())
        );
        let used = register(&server, &json!({ "invitation": link }));
        assert_eq!((used.status, used.code().as_str()), (410, "invalid_invitation"));
        assert_eq!(admin.get(PATH).json()["items"], json!([]));
    });
}

#[test]
fn a_revoked_invitation_is_like_one_that_never_was() {
    let server = by_invitation(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let invite = |email: &str| admin.post(PATH, &json!({ "email": email, "role": "msa" }));
    let id = invite("ada@example.org").field("id");
    let link = server.database().only_link();
    let revoke = || admin.send("DELETE", &format!("{PATH}/{id}"), &[], "");
    assert_eq!(revoke().status, 204);
    assert_eq!((revoke().status, revoke().code().as_str()), (404, "not_found"));
    for token in [&*link, "x", "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs"] {
        let refused = register(&server, &json!({ "invitation": token }));
        assert_eq!((refused.status, refused.code().as_str()), (410, "invalid_invitation"));
    }
    for (body, fault) in [
        (json!({ "email": "ada@example.org", "role": "nurse" }), ("role", "unknown_role")),
        (
            json!({ "email": "ada@example.org", "role": "msa", "kind": "service" }),
            ("kind", "unknown_kind"),
        ),
    ] {
        let refused = admin.post(PATH, &body);
        assert_eq!(refused.status, 400);
        assert_eq!(faults(&refused), [(fault.0.to_owned(), fault.1.to_owned())]);
    }
    assert_eq!(faults(&invite("nowhere")), [("email".to_owned(), "malformed".to_owned())]);
    assert_eq!(invite("grace@example.org").code(), "email_taken");
}

#[test]
fn only_those_with_the_permission_invite_see_or_revoke() {
    let server = by_invitation(TestDatabase::sqlite());
    let coordinator = Member::new(&server, "joan", "coordinator");
    let body = json!({ "email": "ada@example.org", "role": "msa" });
    let id = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15";
    for answer in [
        coordinator.post(PATH, &body),
        coordinator.get(PATH),
        coordinator.send("DELETE", &format!("{PATH}/{id}"), &[], ""),
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
    }
}

#[test]
fn a_registration_without_invitation_and_without_address_names_the_field() {
    let server = TestServer::start(TestDatabase::sqlite());
    let refused = register(&server, &json!({}));
    assert_eq!((refused.status, refused.code().as_str()), (422, "unacceptable_account"));
    assert_eq!(faults(&refused), [("email".to_owned(), "required".to_owned())]);
}

fn by_invitation(database: TestDatabase) -> TestServer {
    let registration = RegistrationMode::Invite;
    TestServer::with(database, TestSettings { registration, ..TestSettings::default() })
}

/// Registers `ada` with these further members.
fn register(server: &TestServer, members: &Value) -> Answer {
    let mut body = json!({ "username": "ada", "password": PASSWORD });
    for (name, value) in members.as_object().expect("members") {
        body[name] = value.clone();
    }
    Browser::of(server).post("/api/auth/register", &body)
}
