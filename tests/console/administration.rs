//! Pages for operators: accounts, sessions, invitations, bans, the matrix and the audit log.

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};
use portcullis_token::KeyPairAlgorithm;

use crate::form::{location, sign_in, signed_in, submit};

/// A browser that is signed in to a new account with this role.
pub(crate) fn with_role(server: &TestServer, username: &str, role: &str) -> Browser {
    let mut browser = Browser::of(server);
    browser.register(username);
    let change = format!("UPDATE accounts SET role = '{role}' WHERE username = '{username}'");
    server.database().store().execute(&change).expect("the account is there");
    assert_eq!(location(&sign_in(&mut browser, username)), "/console");
    browser
}

/// The id of an account.
fn id(server: &TestServer, username: &str) -> String {
    // As text: the databases store it as bytes.
    let mut browser = Browser::of(server);
    let token = browser.sign_in_for_tokens(username).field("access_token");
    let authorization = format!("Bearer {token}");
    browser.get("/api/auth/me", &[("authorization", &authorization)]).field("id")
}

fn contains(answer: &Answer, text: &str) -> bool {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text.contains(text)
}

#[test]
fn accounts_are_found_by_the_begin_of_their_name_and_by_their_state() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        for name in ["bob", "bonnie", "charles"] {
            Browser::of(&server).register(name);
        }
        let all = admin.get("/console/admin/users?q=&role=&kind=&state=", &[]);
        for name in ["ada", "bob", "bonnie", "charles"] {
            assert!(contains(&all, &format!(">{name}</a>")), "{name} in {}", all.text);
        }
        let some = admin.get("/console/admin/users?q=bo&role=msa&kind=user&state=active", &[]);
        assert!(contains(&some, ">bob</a>") && contains(&some, ">bonnie</a>"), "{}", some.text);
        assert!(!contains(&some, ">charles</a>"), "{}", some.text);
        assert!(contains(&some, "value=\"bo\""), "what was typed stays: {}", some.text);
        let none = admin.get("/console/admin/users?q=nobody", &[]);
        assert!(contains(&none, "No account matches"), "{}", none.text);
    });
}

#[test]
fn an_administrator_steers_an_account() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        let mut bob = signed_in(&server, "bob");
        let path = format!("/console/admin/users/{}", id(&server, "bob"));
        let page = admin.get(&path, &[]);
        assert!(contains(&page, "bob@example.org"), "{}", page.text);
        let done = format!("{path}?notice=done");
        let mut act = |action: &str, fields: &[(&str, &str)]| {
            submit(&mut admin, &format!("{path}/{action}"), fields)
        };

        assert_eq!(location(&act("role", &[("role", "resident")])), done);
        let refused = act("role", &[("role", "emperor")]);
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains("id=\"faults\""), "{}", refused.text);
        assert_eq!(location(&act("end-sessions", &[])), done);
        assert_eq!(location(&bob.get("/console", &[])), "/console/renew");
        assert_eq!(location(&act("demand-password", &[])), done);
        assert_eq!(location(&sign_in(&mut bob, "bob")), "/console");
        assert_eq!(location(&bob.get("/console/profile", &[])), "/console/password");
        assert_eq!(act("deactivate", &[]).status, 400, "it must be meant");
        assert_eq!(location(&act("deactivate", &[("confirmed", "yes")])), done);
        assert_eq!(sign_in(&mut Browser::of(&server), "bob").status, 401);
        assert_eq!(location(&act("activate", &[])), done);
        assert_eq!(location(&act("unlock", &[])), done);
        assert_eq!(location(&act("reset-factors", &[("confirmed", "yes")])), done);
        let deleted = act("delete", &[("confirmed", "yes")]);
        assert_eq!(location(&deleted), "/console/admin/users");
        assert_eq!(admin.get(&path, &[]).status, 404);
    });
}

#[test]
fn what_nobody_may_do_to_the_own_account_is_said_on_its_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let path = format!("/console/admin/users/{}", id(&server, "ada"));
    let refused = submit(&mut admin, &format!("{path}/deactivate"), &[("confirmed", "yes")]);
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("id=\"faults\""), "{}", refused.text);
    assert!(refused.text.contains("ada@example.org"), "the account is still shown");
}

#[test]
fn one_session_of_an_account_is_ended() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let mut bob = signed_in(&server, "bob");
    let all = admin.get("/console/admin/sessions", &[]);
    assert!(contains(&all, ">bob</a>") && contains(&all, "this browser"), "{}", all.text);
    let path = all.text.split("href=\"").find(|part| part.contains(">bob</a>")).expect("a link");
    let path = path.split('"').next().expect("a path").to_owned();
    let page = admin.get(&path, &[]);
    let session = crate::form::value(&page, "id");
    let ended = submit(&mut admin, &format!("{path}/end-session"), &[("id", &session)]);
    assert_eq!(location(&ended), format!("{path}?notice=done"));
    assert_eq!(location(&bob.get("/console", &[])), "/console/renew");
    let again = submit(&mut admin, &format!("{path}/end-session"), &[("id", &session)]);
    assert_eq!(again.status, 404, "{}", again.text);
}

#[test]
fn people_are_invited_and_an_invitation_is_revoked() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let wanted = [("email", "grace@example.org"), ("role", "resident"), ("kind", "user")];
    let path = "/console/admin/invitations";
    assert_eq!(location(&submit(&mut admin, path, &wanted)), path);
    let list = admin.get(path, &[]);
    assert!(contains(&list, "grace@example.org"), "{}", list.text);
    let invitation = crate::form::value(&list, "id");
    let mails = server.database().mails();
    assert_eq!(mails.len(), 2, "of the registration and of the invitation");
    let wrong =
        submit(&mut admin, path, &[("email", "no <b>"), ("role", "resident"), ("kind", "user")]);
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    assert!(wrong.text.contains("id=\"email-fault\""), "{}", wrong.text);
    let revoked = submit(&mut admin, "/console/admin/invitations/revoke", &[("id", &invitation)]);
    assert_eq!(location(&revoked), path);
    assert!(contains(&admin.get(path, &[]), "No invitation waits"));
}

#[test]
fn an_address_is_banned_and_the_ban_lifted() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let path = "/console/admin/bans";
    let ban = [("address", "2001:db8::7"), ("hours", "48"), ("reason", "a <scan>")];
    assert_eq!(location(&submit(&mut admin, path, &ban)), path);
    let list = admin.get(path, &[]);
    assert!(
        contains(&list, "2001:db8::/64") && contains(&list, "a &#60;scan&#62;"),
        "{}",
        list.text
    );
    for (name, value) in [("address", "here"), ("hours", "0"), ("hours", "9000")] {
        let wrong = ban.map(|field| if field.0 == name { (name, value) } else { field });
        let refused = submit(&mut admin, path, &wrong);
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains(&format!("id=\"{name}-fault\"")), "{}", refused.text);
    }
    let lifted = submit(&mut admin, "/console/admin/bans/lift", &[("address", "2001:db8::")]);
    assert_eq!(location(&lifted), path);
    assert!(contains(&admin.get(path, &[]), "No address is banned"));
}

#[test]
fn the_matrix_is_a_picture_that_answers_questions() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let whole = admin.get("/console/admin/matrix", &[]);
    for role in ["admin", "coordinator", "faculty", "resident", "clinical_staff", "msa"] {
        assert!(contains(&whole, &format!("<th scope=\"row\">{role}</th>")), "{role}");
    }
    assert!(!contains(&whole, "id=\"rules\""), "the rules of a choice only");
    let part = admin.get("/console/admin/matrix?role=coordinator&resource=absence", &[]);
    assert!(contains(&part, "not_own"), "{}", part.text);
    let question = "/console/admin/matrix?role=coordinator&action=approve&resource=absence";
    let answer = admin.get(question, &[]);
    assert!(contains(&answer, "May this role do that?"), "{}", answer.text);
    assert_eq!(answer.text.matches(">allowed</span>").count(), 2, "{}", answer.text);
    assert_eq!(answer.text.matches(">denied</span>").count(), 2, "{}", answer.text);
    assert_eq!(admin.get("/console/admin/matrix?compare=99", &[]).status, 404);
}

#[test]
fn a_version_of_the_matrix_is_proposed_compared_and_activated() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let text = include_str!("../../config/access_matrix.toml");
    let changed = text.replacen(
        "actions = [\"create\", \"read\", \"list\"] },",
        "actions = [\"read\", \"list\"] },",
        1,
    );
    assert_ne!(text, changed);
    let path = "/console/admin/matrix/versions";
    let faulty = submit(&mut admin, path, &[("text", "resources = [")]);
    assert_eq!(faulty.status, 422, "{}", faulty.text);
    assert!(faulty.text.contains("resources = ["), "what was typed stays: {}", faulty.text);
    let proposed = submit(&mut admin, path, &[("text", &changed.replace('\n', "\r\n"))]);
    let compared = location(&proposed).to_owned();
    assert!(compared.starts_with("/console/admin/matrix?compare="), "{compared}");
    let page = admin.get(&compared, &[]);
    assert!(contains(&page, "class=\"lost\""), "{}", page.text);
    let number = compared.rsplit('=').next().expect("a number");
    let activated =
        submit(&mut admin, "/console/admin/matrix/versions/activate", &[("version", number)]);
    assert_eq!(location(&activated), path);
    let list = admin.get(path, &[]);
    let row = list.text.split("<tr>").find(|row| row.contains("in force")).expect("a version");
    assert!(row.contains(&format!(">{number} <span")), "{row}");
}

#[test]
fn the_audit_log_is_searched_page_by_page() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        let mut stranger = Browser::of(&server);
        let agent = [("user-agent", "<script>alert(1)</script>")];
        stranger.get("/console/sign-in", &agent);
        let fields = [("username", "ada"), ("password", "wrong"), ("next", "")];
        assert_eq!(stranger.submit("/console/sign-in", &fields).status, 401);
        let path = "/console/admin/audit?kind=sign_in&outcome=wrong_password&subject=&from=&until=";
        let found = admin.get(path, &[]);
        assert!(
            contains(&found, "<span class=\"tag bad\">wrong_password</span>"),
            "{}",
            found.text
        );
        assert!(!found.text.contains("<script>alert"), "{}", found.text);
        assert!(contains(&found, "/api/admin/audit/export?kind=sign_in"), "{}", found.text);
        let later = admin.get("/console/admin/audit?from=2099-01-01T00%3A00", &[]);
        assert!(contains(&later, "No entry matches"), "{}", later.text);
        assert!(contains(&later, "value=\"2099-01-01T00:00:00\""), "{}", later.text);
        let wrong = admin.get("/console/admin/audit?subject=me", &[]);
        assert_eq!(wrong.status, 400, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"subject-fault\""), "{}", wrong.text);

        for _ in 0..60 {
            stranger.get("/api/auth/csrf", &[]);
            admin.get("/console/admin/audit?kind=audit_searched", &[]);
        }
        let first = admin.get("/console/admin/audit?kind=audit_searched", &[]);
        let next = first.text.split("rel=\"next\" href=\"").nth(1).expect("a next page");
        let next = next.split('"').next().expect("a path").replace("&#38;", "&");
        assert!(contains(&admin.get(&next, &[]), "audit_searched"));
    });
}

#[test]
fn failed_sign_ins_are_charted_and_lead_to_their_entries() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        Browser::of(&server).register("bob");
        let mut stranger = Browser::of(&server);
        let mut fail = |name: &str| {
            let fields = [("username", name), ("password", "wrong"), ("next", "")];
            assert_eq!(stranger.submit("/console/sign-in", &fields).status, 401);
        };
        for name in ["bob", "bob", "nobody"] {
            fail(name);
        }
        // A period ends before now.
        server.clock().advance(std::time::Duration::from_secs(60));
        let page = admin.get("/console/admin/sign-ins?period=hour", &[]);
        assert!(contains(&page, "wrong_password <strong>2</strong>"), "{}", page.text);
        assert!(contains(&page, "unknown_account <strong>1</strong>"), "{}", page.text);
        assert!(contains(&page, ">bob</a>"), "{}", page.text);
        assert!(contains(&page, "<code>127.0.0.1</code>"), "{}", page.text);
        let ban = "action=\"/console/admin/sign-ins/ban?period=hour\"";
        assert!(contains(&page, ban), "{}", page.text);
        let entries =
            page.text.split("href=\"").find(|part| part.contains("subject=")).expect("a link");
        let entries = entries.split('"').next().expect("its end");
        let entries = entries.replace("&amp;", "&").replace("&#38;", "&");
        let entries = admin.get(&entries, &[]);
        assert_eq!(entries.text.matches(">wrong_password</span>").count(), 2, "{}", entries.text);

        let quiet = "/console/admin/sign-ins?from=2026-01-01T00%3A00&until=2026-01-02T00%3A00";
        let quiet = admin.get(quiet, &[]);
        assert!(contains(&quiet, "No sign-in was refused in this period"), "{}", quiet.text);
        let wrong = "/console/admin/sign-ins?from=2026-01-02T00%3A00&until=2026-01-01T00%3A00";
        let wrong = admin.get(wrong, &[]);
        assert!(wrong.text.contains("id=\"until-fault\""), "{}", wrong.text);
    });
}

#[test]
fn a_locked_account_is_listed_and_unlocked() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    Browser::of(&server).register("bob");
    let path = "/console/admin/lockouts";
    assert!(contains(&admin.get(path, &[]), "No account is locked"));
    for number in 0..5 {
        let fields = [("username", "bob"), ("password", "wrong"), ("next", "")];
        let refused = Browser::of(&server).submit("/console/sign-in", &fields);
        assert_eq!(refused.status, 401, "{number}: {}", refused.text);
    }
    let list = admin.get(path, &[]);
    assert!(contains(&list, ">bob</a>") && contains(&list, "strangers"), "{}", list.text);
    let unlock =
        list.text.split("action=\"").find(|part| part.contains("/unlock\"")).expect("a form");
    let unlock = unlock.split('"').next().expect("its end").to_owned();
    submit(&mut admin, &unlock, &[]);
    assert!(contains(&admin.get(path, &[]), "No account is locked"));
}

#[test]
fn mails_keys_jobs_and_settings_are_shown_and_steered() {
    TestDatabase::on_both(|database| {
        let settings =
            TestSettings { algorithm: Some(KeyPairAlgorithm::EdDsa), ..TestSettings::default() };
        let server = TestServer::with(database, settings);
        let mut admin = with_role(&server, "ada", "admin");
        let mails = admin.get("/console/admin/outbox?state=waiting&kind=", &[]);
        assert!(contains(&mails, "verify_email"), "{}", mails.text);
        assert!(!mails.text.contains("ada@example.org"), "{}", mails.text);
        let mail = crate::form::value(&mails, "id");
        let resent = submit(&mut admin, "/console/admin/outbox/resend", &[("id", &mail)]);
        assert_eq!(location(&resent), "/console/admin/outbox?notice=resent");
        server.database().mails();
        let over = submit(&mut admin, "/console/admin/outbox/resend", &[("id", &mail)]);
        assert_eq!(over.status, 409, "{}", over.text);
        assert!(over.text.contains("id=\"faults\""), "{}", over.text);

        let path = "/console/admin/signing-keys";
        let keys = admin.get(path, &[]);
        assert!(contains(&keys, ">signing</span>") && contains(&keys, "EdDSA"), "{}", keys.text);
        let rotated = submit(&mut admin, "/console/admin/signing-keys/rotate", &[]);
        assert_eq!(location(&rotated), path);
        let keys = admin.get(path, &[]);
        assert!(contains(&keys, ">announced</span>"), "{}", keys.text);
        let kid = crate::form::value(&keys, "kid");
        let retire = "/console/admin/signing-keys/retire";
        assert_eq!(submit(&mut admin, retire, &[("kid", &kid)]).status, 400, "it must be meant");
        let confirmed = [("kid", &*kid), ("confirmed", "yes")];
        assert_eq!(location(&submit(&mut admin, retire, &confirmed)), path);
        assert!(contains(&admin.get(path, &[]), ">retired</span>"));

        let jobs = admin.get("/console/admin/jobs", &[]);
        assert!(contains(&jobs, "<th scope=\"row\">"), "{}", jobs.text);
        assert_eq!(admin.get("/console/admin/settings", &[]).status, 200);
    });
}
