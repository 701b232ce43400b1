//! The main ways through the pages with the keyboard alone: every stop shows its focus, and the stops follow the
//! order in which a person reads.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer};
use serde_json::Value;

use crate::form::sign_in;
use crate::second_step::{answer, enrol_app};
use crate::traffic::stays_within;

/// The element with the focus: its name for people, its place in the document and on the page, and whether a
/// person sees that it has the focus.
const FOCUSED: &str = "(() => {
    const element = document.activeElement, style = getComputedStyle(element);
    const [box] = element.getClientRects(), page = element.getBoundingClientRect();
    const x = Math.min(box.x + box.width / 2, innerWidth - 1);
    const y = Math.min(box.y + box.height / 2, innerHeight - 1);
    const top = document.elementFromPoint(x, y);
    const label = element.labels?.[0]?.textContent.replace('optional', '');
    const name = element.getAttribute('aria-label') ?? label ?? element.textContent;
    return {
        name: name.trim(),
        place: [...document.querySelectorAll('*')].indexOf(element),
        left: page.left + scrollX, right: page.right + scrollX,
        top: page.top + scrollY, bottom: page.bottom + scrollY,
        faults: [
            [element.matches(':focus-visible'), 'the browser shows no focus'],
            [style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2, 'no outline'],
            [style.outlineColor !== getComputedStyle(document.body).backgroundColor, 'no colour'],
            [element.contains(top), 'something is above it'],
            [box.width >= 1 && box.height >= 1 && box.bottom > 0 && box.top < innerHeight, 'out of sight'],
        ].filter(([holds]) => !holds).map(([, fault]) => fault),
    };
})()";

/// The element with the focus, which a person sees.
fn focused(page: &mut Page<'_>) -> Value {
    page.focus();
    let stop = page.evaluate(FOCUSED);
    assert_eq!(stop["faults"], Value::Array(Vec::new()), "{stop} on {}", page.path());
    stop
}

fn name(stop: &Value) -> &str {
    stop["name"].as_str().expect("a name")
}

/// Panics unless a person reads `next` after `stop`: it is not above it, and not to the left of it in one line.
fn follows(stop: &Value, next: &Value) {
    let edge = |stop: &Value, name: &str| stop[name].as_f64().expect("a number");
    assert!(edge(next, "place") > edge(stop, "place"), "{stop} {next}");
    assert!(edge(next, "bottom") > edge(stop, "top"), "{next} is above {stop}");
    let is_below = edge(next, "top") >= edge(stop, "bottom");
    let is_within = edge(next, "bottom") <= edge(stop, "bottom");
    let is_right = edge(next, "left") >= edge(stop, "right");
    assert!(is_below || is_right || is_within, "{next} is left of {stop}");
}

/// Goes on by the Tab key to the first stop whose name begins so, and returns the names of the stops.
fn go_to(page: &mut Page<'_>, wanted: &str) -> Vec<String> {
    const MOST: usize = 60;
    let mut names = Vec::new();
    let mut last = None;
    for _ in 0..MOST {
        page.press("Tab");
        let stop = focused(page);
        if let Some(last) = &last {
            follows(last, &stop);
        }
        names.push(name(&stop).to_owned());
        if name(&stop).starts_with(wanted) {
            return names;
        }
        last = Some(stop);
    }
    panic!("no {wanted:?} among {names:?}");
}

/// A person with an authenticator app signs in.
fn sign_in_by_keys(page: &mut Page<'_>, username: &str, code: &str) {
    assert_eq!(name(&focused(page)), "User name or email");
    page.type_text(username);
    assert_eq!(go_to(page, "Password"), ["Password"]);
    page.type_text(PASSWORD);
    assert_eq!(go_to(page, "Sign in"), ["Sign in"]);
    page.press_to_go("Space");
    assert_eq!(name(&focused(page)), "Code", "{}", page.text());
    page.type_text(code);
    page.press_to_go("Enter");
}

#[test]
fn a_person_signs_in_changes_the_password_and_ends_a_session() {
    const NEW: &str = "amber-walrus-paints-9-fences";
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Browser::of(&server);
    ada.register("ada");
    ada.sign_in("ada");
    let app = enrol_app(&server, &mut ada);
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    sign_in_by_keys(&mut page, "ada", &app.code(server.clock().now()));
    assert_eq!(page.path(), "/console", "{}", page.text());

    // The first stop leads past the navigation.
    assert_eq!(go_to(&mut page, "Skip to content"), ["Skip to content"]);
    page.press("Enter");
    assert_eq!(page.focus(), "content");
    let stops = go_to(&mut page, "Change: Password");
    assert_eq!(stops, ["Change: Display name", "Change: Email", "Change: Password"]);
    page.press("Shift+Tab");
    assert_eq!(name(&focused(&mut page)), "Change: Email");
    page.press("Tab");
    page.press_to_go("Enter");
    assert_eq!(page.path(), "/console/password");
    // A fault is where the focus is, and the way back to its field.
    assert_eq!(name(&focused(&mut page)), "Current password");
    page.type_text(PASSWORD);
    go_to(&mut page, "New password");
    page.type_text("short");
    page.press_to_go("Enter");
    assert_eq!(page.focus(), "faults");
    page.press("Tab");
    assert_eq!(page.evaluate("document.activeElement.hash"), "#new_password");
    page.press("Enter");
    assert_eq!(page.focus(), "new_password");
    page.type_text(NEW);
    page.press("Shift+Tab");
    assert_eq!(name(&focused(&mut page)), "Current password");
    page.type_text(PASSWORD);
    go_to(&mut page, "Change the password");
    page.press_to_go("Space");
    assert!(page.text().contains("Your password is changed"), "{}", page.text());

    server.clock().advance(Duration::from_secs(60));
    let mut elsewhere = Browser::of(&server);
    let fields = [("username", "ada"), ("password", NEW), ("next", "")];
    let asked = elsewhere.submit("/console/sign-in", &fields);
    let code = app.code(server.clock().now());
    assert_eq!(answer(&mut elsewhere, &asked, &code).status, 303);
    go_to(&mut page, "Sessions");
    page.press_to_go("Enter");
    assert_eq!(page.path(), "/console/sessions");
    let open = "document.querySelectorAll(\"form[action='/console/sessions/end']\").length";
    let before = page.evaluate(open).as_u64().expect("a number");
    go_to(&mut page, "End all others");
    page.press_to_go("Enter");
    assert_eq!(page.evaluate(open), 1, "{before} before: {}", page.text());
    go_to(&mut page, "End: ");
    page.press_to_go("Space");
    assert!(page.text().contains("You are signed out"), "{}", page.text());
    stays_within(&mut page, &server);
}

#[test]
fn an_operator_unlocks_an_account() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Browser::of(&server);
    for name in ["ada", "bob"] {
        ada.register(name);
    }
    ada.sign_in("ada");
    let app = enrol_app(&server, &mut ada);
    let promotion = "UPDATE accounts SET role = 'admin' WHERE username = 'ada'";
    server.database().store().execute(promotion).expect("the account is there");
    for _ in 0..5 {
        Browser::of(&server).sign_in_with("bob", "wrong");
    }
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    sign_in_by_keys(&mut page, "ada", &app.code(server.clock().now()));
    let stops = go_to(&mut page, "Lockouts");
    assert_eq!(stops[0], "Skip to content");
    page.press_to_go("Enter");
    assert_eq!(page.path(), "/console/admin/lockouts");
    go_to(&mut page, "Unlock: bob");
    page.press_to_go("Space");
    assert!(page.text().contains("bob@example.org"), "{}", page.text());
    go_to(&mut page, "Lockouts");
    page.press_to_go("Enter");
    assert!(page.text().contains("No account is locked"), "{}", page.text());
    assert_eq!(sign_in(&mut Browser::of(&server), "bob").status, 303);

    // A change that cannot be undone needs its box, which is ticked by a key as well.
    go_to(&mut page, "Accounts");
    page.press_to_go("Enter");
    go_to(&mut page, "bob");
    page.press_to_go("Enter");
    go_to(&mut page, "I am sure");
    page.press("Space");
    go_to(&mut page, "Deactivate");
    page.press_to_go("Enter");
    assert!(page.text().contains("deactivated"), "{}", page.text());
    assert_eq!(sign_in(&mut Browser::of(&server), "bob").status, 401);
    stays_within(&mut page, &server);
}

/// The cell with the focus and the shown rules.
fn cell(page: &mut Page<'_>) -> (String, String) {
    let stop = focused(page);
    let rules = page.evaluate(
        "(() => { const panel = document.querySelector('#shown-rules'); return panel.hidden ? '' : panel.innerText; })()",
    );
    (name(&stop).to_owned(), rules.as_str().expect("a text").to_owned())
}

#[test]
fn an_operator_reads_the_rules_of_the_matrix() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Browser::of(&server);
    ada.register("ada");
    ada.sign_in("ada");
    let app = enrol_app(&server, &mut ada);
    let promotion = "UPDATE accounts SET role = 'admin' WHERE username = 'ada'";
    server.database().store().execute(promotion).expect("the account is there");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    sign_in_by_keys(&mut page, "ada", &app.code(server.clock().now()));
    go_to(&mut page, "Access matrix");
    page.press_to_go("Enter");
    assert_eq!(page.path(), "/console/admin/matrix");

    // The picture is one stop. Its arrow keys lead to each cell, whose rules are shown.
    go_to(&mut page, "admin, ");
    let (first, rules) = cell(&mut page);
    assert!(rules.starts_with(&first) && rules.contains(" · line "), "{rules}");
    page.press("ArrowDown");
    let (below, rules) = cell(&mut page);
    assert!(below != first && rules.starts_with(&below), "{below}: {rules}");
    page.press("ArrowUp");
    assert_eq!(cell(&mut page).0, first);
    page.press("End");
    let (last, _) = cell(&mut page);
    assert!(last != first && last.starts_with("admin, "), "{last}");
    page.press("Home");
    let (_, rules) = cell(&mut page);
    let described = "document.getElementById(document.activeElement.getAttribute('aria-describedby')).innerText";
    assert_eq!(page.evaluate(described), rules);
    let cells = page.evaluate("document.querySelectorAll('.matrix td a').length");
    let mut seen = BTreeSet::from([first]);
    for _ in 1..cells.as_u64().expect("a number") {
        page.press("ArrowRight");
        let (at, rules) = cell(&mut page);
        assert!(rules.starts_with(&at) && rules.contains(" · line "), "{rules}");
        seen.insert(at);
    }
    assert_eq!(cells, seen.len(), "each cell is reached");
    page.press("Escape");
    assert_eq!(cell(&mut page).1, "");
    let (last, _) = cell(&mut page);
    page.press("Shift+Tab");
    assert_eq!(name(&focused(&mut page)), "Access matrix", "all cells are one stop");
    page.press("Tab");
    assert_eq!(cell(&mut page).0, last);
    page.press_to_go("Enter");
    assert!(page.text().contains("Rules"), "{}", page.text());
    stays_within(&mut page, &server);
}
