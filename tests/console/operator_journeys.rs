//! Journeys of operators through the pages, in a real browser with real clicks and keys.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{
    AuthenticatorApp, Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer, TestSettings,
};
use portcullis_token::KeyPairAlgorithm;
use serde_json::json;

use crate::form::{location, sign_in, signed_in};
use crate::second_step::enrol_app;
use crate::traffic::stays_within;

/// A server with the administrator ada, and her authenticator app.
fn operated() -> (TestServer, AuthenticatorApp) {
    let settings =
        TestSettings { algorithm: Some(KeyPairAlgorithm::EdDsa), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut ada = signed_in(&server, "ada");
    let app = enrol_app(&server, &mut ada);
    let promotion = "UPDATE accounts SET role = 'admin' WHERE username = 'ada'";
    server.database().store().execute(promotion).expect("the account is there");
    (server, app)
}

/// Signs ada in, to the first page.
fn enter(page: &mut Page<'_>, server: &TestServer, app: &AuthenticatorApp) {
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    page.fill("#code", &app.code(server.clock().now()));
    page.submit();
    assert_eq!(page.path(), "/console", "{}", page.text());
}

/// Opens a section by the navigation.
fn visit(page: &mut Page<'_>, section: &str) {
    page.follow(&format!("nav.operation a[href='/console/admin/{section}']"));
    assert_eq!(page.path(), format!("/console/admin/{section}"), "{}", page.text());
}

/// Chooses a word of a list by typing it.
fn choose(page: &mut Page<'_>, list: &str, word: &str) {
    page.evaluate(&format!("document.querySelector({}).focus()", json!(list)));
    for letter in word.chars() {
        page.press(&letter.to_string());
    }
    let chosen = page.evaluate(&format!("document.querySelector({}).value", json!(list)));
    assert_eq!(chosen, word);
}

/// Presses the button of the form that leads to this action, and expects this text.
fn act(page: &mut Page<'_>, action: &str, shown: &str) {
    page.follow(&format!("form[action$='/{action}'] button"));
    assert!(page.text().contains(shown), "{action}: {}", page.text());
}

#[test]
fn an_operator_steers_an_account_and_proves_the_second_factor_once_more() {
    let (server, app) = operated();
    let mut bob = signed_in(&server, "bob");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    enter(&mut page, &server, &app);
    visit(&mut page, "users");
    page.fill("#q", "bo");
    page.submit();
    assert_eq!(page.evaluate("document.querySelectorAll('tbody tr').length"), 1);
    page.follow("tbody th a");
    let account = page.path();
    choose(&mut page, "select[name=role]", "resident");
    act(&mut page, "role", "Done.");
    let role = "SELECT role FROM accounts WHERE username = 'bob'";
    assert_eq!(server.database().store().texts(role).expect("a role"), ["resident"]);

    assert_eq!(sign_in(&mut bob, "bob").status, 303, "with the new role");
    server.clock().advance(Duration::from_secs(1_000));
    page.follow("form[action$='/end-sessions'] button");
    assert_eq!(page.path(), "/console/confirm/form", "{}", page.text());
    page.fill("#code", &app.code(server.clock().now()));
    page.submit();
    assert_eq!(bob.get("/console", &[]).status, 200, "nothing has happened yet");
    act(&mut page, "end-sessions", "Done.");
    assert_eq!(page.path(), account);
    assert_eq!(location(&bob.get("/console", &[])), "/console/renew");

    // Without the tick, the browser sends nothing.
    page.click("form[action$='/deactivate'] button");
    assert_eq!(page.evaluate("document.activeElement.name"), "confirmed");
    assert_eq!(sign_in(&mut Browser::of(&server), "bob").status, 303);
    page.click("form[action$='/deactivate'] [name=confirmed]");
    act(&mut page, "deactivate", "Done.");
    assert_eq!(sign_in(&mut Browser::of(&server), "bob").status, 401);
    act(&mut page, "activate", "Done.");

    for _ in 0..5 {
        Browser::of(&server).sign_in_with("bob", "wrong");
    }
    visit(&mut page, "lockouts");
    act(&mut page, "unlock", "Done.");
    assert_eq!(sign_in(&mut bob, "bob").status, 303);
    page.open(&format!("{}{account}", server.origin()));
    act(&mut page, "end-session", "Done.");
    assert_eq!(location(&bob.get("/console", &[])), "/console/renew");
    stays_within(&mut page, &server);
}

#[test]
fn an_operator_invites_bans_resends_a_mail_and_replaces_a_signing_key() {
    let (server, app) = operated();
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    enter(&mut page, &server, &app);

    visit(&mut page, "invitations");
    page.fill("#email", "grace@example.org");
    choose(&mut page, "#role", "coordinator");
    act(&mut page, "invitations", "grace@example.org");
    assert!(page.text().contains("coordinator"), "{}", page.text());
    act(&mut page, "revoke", "No invitation waits");

    visit(&mut page, "bans");
    page.fill("#address", "2001:db8::7");
    page.fill("#reason", "a scan");
    act(&mut page, "bans", "2001:db8::/64");
    act(&mut page, "lift", "No address is banned");

    visit(&mut page, "outbox");
    choose(&mut page, "#state", "waiting");
    // The link of the revoked invitation is over.
    page.fill("#kind", "new_device");
    page.follow("form.filter button");
    act(&mut page, "resend", "The mail is due now.");

    visit(&mut page, "signing-keys");
    act(&mut page, "rotate", "announced");
    page.click("form[action$='/retire'] [name=confirmed]");
    act(&mut page, "retire", "retired");
    stays_within(&mut page, &server);
}

/// Moves the mouse over each mark of the matrix; panics if one has no rule to show.
fn hover_marks(page: &mut Page<'_>) -> u64 {
    const MARKS: &str = "document.querySelectorAll('.matrix td a :is(rect, circle)')";
    let count = page.evaluate(&format!("{MARKS}.length")).as_u64().expect("a number");
    for number in 0..count {
        let middle = page.evaluate(&format!(
            "(() => {{ const mark = {MARKS}[{number}]; \
               mark.scrollIntoView({{ block: 'center', inline: 'center' }}); \
               const {{ x, y, width, height }} = mark.getBoundingClientRect(); \
               return [x + width / 2, y + height / 2]; }})()"
        ));
        let moved = json!({ "type": "mouseMoved", "x": middle[0], "y": middle[1] });
        page.call("Input.dispatchMouseEvent", &moved);
        let rule = page.evaluate(
            "[...document.querySelectorAll(':hover')].at(-1)?.querySelector(':scope > title')?.textContent",
        );
        let rule = rule.as_str().unwrap_or_default();
        assert!(rule.contains(" · line "), "{rule:?} at {middle}");
    }
    count
}

#[test]
fn an_operator_reads_the_matrix_asks_it_and_puts_another_version_in_force() {
    let (server, app) = operated();
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    enter(&mut page, &server, &app);
    visit(&mut page, "matrix");
    // A picture with one row, which is all in sight.
    choose(&mut page, "#role", "coordinator");
    page.follow("form.filter button");
    let kinds =
        "['direct', 'inherited'].map((kind) => document.querySelectorAll(`td .${kind}`).length)";
    let kinds = page.evaluate(kinds);
    assert!(kinds[0].as_u64() > Some(0) && kinds[1].as_u64() > Some(0), "{kinds}");
    assert!(hover_marks(&mut page) > 10);
    // A cell has the focus, and leads to its rules.
    page.evaluate("document.querySelector('.matrix td a').focus()");
    let name = page.evaluate("document.activeElement.getAttribute('aria-label')");
    assert!(name.as_str().is_some_and(|name| name.starts_with("coordinator, ")), "{name}");
    page.press_to_go("Enter");
    assert!(page.text().contains("Rules"), "{}", page.text());

    choose(&mut page, "#action", "approve");
    choose(&mut page, "#resource", "absence");
    page.follow("form.filter button");
    let text = page.text();
    assert!(text.contains("May this role do that?") && text.contains("not_own"), "{text}");

    page.follow("a[href='/console/admin/matrix/versions']");
    let matrix = include_str!("../../config/access_matrix.toml");
    let proposed = matrix.replacen("\"create\", \"read\", \"list\"] }", "\"read\", \"list\"] }", 1);
    assert_ne!(matrix, proposed);
    page.fill("#text", "resources = [");
    page.follow("form[action$='/versions'] button");
    assert_eq!(page.evaluate("document.querySelector('#text').value"), "resources = [");
    assert_eq!(page.focus(), "faults");
    page.fill("#text", &proposed);
    act(&mut page, "versions", "compared with version");
    let lost = page.evaluate("document.querySelectorAll('td .lost').length");
    assert!(lost.as_u64() > Some(0), "{lost}");
    page.follow("a[href='/console/admin/matrix/versions']");
    act(&mut page, "activate", "in force");
    let row = page.evaluate("document.querySelector('tr:has(.tag.good) th').innerText");
    assert_eq!(row, "2 in force");
    stays_within(&mut page, &server);
}

#[test]
fn an_operator_follows_failed_sign_ins_from_the_chart_to_the_audit_log() {
    let (server, app) = operated();
    Browser::of(&server).register("bob");
    // A period that begins and ends within a second.
    server.clock().advance(Duration::from_micros(1_234_567));
    for name in ["bob", "bob", "nobody"] {
        Browser::of(&server).sign_in_with(name, "wrong");
    }
    server.clock().advance(Duration::from_secs(90));
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    enter(&mut page, &server, &app);
    visit(&mut page, "sign-ins");
    page.follow(".choices a[href$='period=hour']");
    let rows = "document.querySelectorAll('tbody tr').length";
    page.follow(".chart svg a");
    assert_eq!(page.path(), "/console/admin/audit");
    let outcomes = page.evaluate(
        "[...document.querySelectorAll('td .tag')].map((tag) => tag.innerText).sort().join()",
    );
    assert_eq!(outcomes, "unknown_account,wrong_password,wrong_password");

    visit(&mut page, "sign-ins");
    page.follow("#top-accounts + ul a[href*='subject=']");
    assert_eq!(page.evaluate(rows), 2, "{}", page.text());
    // The period stays when the search is refined, although it is more exact than a minute.
    choose(&mut page, "#outcome", "locked");
    let until = "document.querySelector('#until').value";
    let before = page.evaluate(until);
    page.follow("form.filter button");
    assert!(page.text().contains("No entry matches"), "{}", page.text());
    assert_ne!(before, "");
    assert_eq!(page.evaluate(until), before);
    assert_eq!(page.evaluate("document.querySelector('#kind').value"), "sign_in");

    visit(&mut page, "audit");
    choose(&mut page, "#kind", "registration");
    page.follow("form.filter button");
    assert_eq!(page.evaluate(rows), 2, "{}", page.text());
    page.click("tbody summary");
    assert!(page.text().contains("User agent"), "{}", page.text());
    visit(&mut page, "sign-ins");
    page.follow("form[action*='/sign-ins/unlock'] button");
    assert!(page.text().contains("The account is unlocked."), "{}", page.text());
    // The server is on this machine, whose address is never banned.
    page.follow("form[action*='/sign-ins/ban'] button");
    assert_eq!(page.focus(), "faults", "{}", page.text());
    stays_within(&mut page, &server);
}
