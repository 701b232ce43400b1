//! The page of failed sign-ins unlocks accounts and bans addresses, and keeps the period that it shows.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer};

use crate::administration::with_role;
use crate::form::{location, submit};

const PAGE: &str = "/console/admin/sign-ins";

/// Five wrong passwords lock the account, some time ago.
fn lock(server: &TestServer, name: &str) {
    for _ in 0..5 {
        Browser::of(server).sign_in_with(name, "wrong");
    }
    server.clock().advance(Duration::from_secs(10));
}

/// The form that leads to this path, up to its end.
fn form<'a>(page: &'a Answer, path: &str) -> Option<&'a str> {
    assert_eq!(page.status, 200, "{}", page.text);
    let found = page.text.split("<form").find(|form| form.contains(&format!("action=\"{path}")));
    found.and_then(|form| form.split("</form>").next())
}

/// The value of a hidden input of a form.
fn hidden(form: &str, name: &str) -> String {
    let rest = form.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("an input");
    rest.split('"').next().expect("its end").to_owned()
}

#[test]
fn an_account_is_unlocked_and_an_address_is_banned_in_place() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        Browser::of(&server).register("bob");
        lock(&server, "bob");
        let shown = admin.get(&format!("{PAGE}?period=hour"), &[]);
        let unlock = form(&shown, &format!("{PAGE}/unlock?period=hour\"")).expect("a form");
        assert!(unlock.contains("aria-label=\"Unlock: bob\""), "{unlock}");
        let id = hidden(unlock, "id");
        let path = format!("{PAGE}/unlock?period=hour");
        let done = submit(&mut admin, &path, &[("id", &id)]);
        assert_eq!(location(&done), format!("{PAGE}?period=hour&notice=unlocked"));
        let told = admin.get(location(&done), &[]);
        assert!(told.text.contains("The account is unlocked."), "{}", told.text);
        assert!(told.text.contains("period=hour\" aria-current"), "{}", told.text);
        assert_eq!(Browser::of(&server).sign_in("bob").status, 200);

        let ban = form(&shown, &format!("{PAGE}/ban?period=hour\"")).expect("a form");
        assert_eq!(hidden(ban, "address"), "127.0.0.1");
        let path = format!("{PAGE}/ban?from=2026-01-01T00%3A00&until=2026-01-02T00%3A00");
        let fields = [("address", "203.0.113.9"), ("hours", "168")];
        let done = submit(&mut admin, &path, &fields);
        let kept = "from=2026-01-01T00%3A00%3A00Z&until=2026-01-02T00%3A00%3A00Z&notice=banned";
        assert_eq!(location(&done), format!("{PAGE}?{kept}"));
        let told = admin.get(location(&done), &[]);
        assert!(told.text.contains("The address is banned."), "{}", told.text);
        let bans = admin.get("/console/admin/bans", &[]);
        assert!(bans.text.contains("203.0.113.9") && bans.text.contains("Refused sign-ins"));
    });
}

#[test]
fn a_refused_change_shows_the_page_with_its_reason() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    Browser::of(&server).sign_in_with("bob", "wrong");
    let nobody = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e99";
    for (path, fields, status) in [
        ("ban", &[("address", "127.0.0.1"), ("hours", "24")][..], 422),
        ("ban", &[("address", "203.0.113.9"), ("hours", "0")], 400),
        ("unlock", &[("id", nobody)], 404),
    ] {
        let refused = submit(&mut admin, &format!("{PAGE}/{path}?period=week"), fields);
        assert_eq!(refused.status, status, "{path}: {}", refused.text);
        assert!(refused.text.contains("id=\"faults\""), "{path}: {}", refused.text);
        assert!(refused.text.contains("period=week\" aria-current"), "{path}: {}", refused.text);
    }
    let bans = admin.get("/console/admin/bans", &[]);
    assert!(bans.text.contains("No address is banned"), "{}", bans.text);
}

#[test]
fn without_the_grants_the_page_offers_no_change() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let mut bob = with_role(&server, "bob", "rn");
    lock(&server, "bob");
    let text = include_str!("../../config/access_matrix.toml");
    let (before, after) = text.split_once("[roles.rn]").expect("the role is there");
    let grant = "grants = [\n    { resources = [\"audit_log\"], actions = [\"read\"] },";
    let text = format!("{before}[roles.rn]{}", after.replacen("grants = [", grant, 1));
    let versions = "/console/admin/matrix/versions";
    let proposed = submit(&mut admin, versions, &[("text", &text)]);
    assert_eq!(location(&proposed), "/console/admin/matrix?compare=2");
    let activated = submit(&mut admin, &format!("{versions}/activate"), &[("version", "2")]);
    assert_eq!(location(&activated), versions);

    let shown = bob.get(PAGE, &[]);
    assert!(shown.text.contains("wrong_password"), "{}", shown.text);
    for (path, fields) in [
        ("unlock", &[("id", "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e99")][..]),
        ("ban", &[("address", "203.0.113.9"), ("hours", "24")]),
    ] {
        let path = format!("{PAGE}/{path}");
        assert_eq!(form(&shown, &path), None);
        assert_eq!(submit(&mut bob, &path, fields).status, 403);
    }
}
