//! Pictures of all pages, at two widths, light and dark, see [`crate::album`]; that no page is wider than its
//! screen; that axe finds no barrier on any of them; and that none sends a request to another host.

use std::time::Duration;

use portcullis_flows::identity::account::Accounts;
use portcullis_testkit::{
    Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer, TestSettings,
};
use serde_json::Value;

use crate::album;
use crate::traffic::stays_within;

/// The widths of a large and of a small screen.
const WIDTHS: [u32; 2] = [1280, 390];

/// The id of no account.
const NOBODY: &str = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e99";

/// A name of the maximum length.
const LONG_NAME: &str = "Karolina Wilhelmina Esperanza von Hohenstaufen-Wittelsbach zu Neuschwanstein und Habsburg-Lothringen";

/// What makes the present page hard to use for some people, by the rules of axe.
fn barriers(page: &mut Page<'_>) -> Value {
    const RUN: &str = "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => \
        violations.map(({ id, nodes }) => [id, nodes.map((node) => [node.html, node.failureSummary])]))";
    page.evaluate(concat!(
        "window.axe ?? (() => {",
        include_str!("axe/axe.min.js"),
        "\n})(); true"
    ));
    page.evaluate(RUN)
}

/// The tables of which a large screen shows a part only. The picture of the matrix has a column for each resource.
const CUT: &str = "[...document.querySelectorAll('.scroll:not(.matrix)')].filter((panel) => \
    panel.scrollWidth > panel.clientWidth).map((panel) => [panel.ariaLabel, panel.scrollWidth, panel.clientWidth])";

/// Writes the pictures of the present page.
fn take(page: &mut Page<'_>, name: &str) {
    for width in WIDTHS {
        for is_dark in [false, true] {
            let picture = page.picture(width, is_dark);
            let found = page.evaluate("document.documentElement.scrollWidth");
            let found = found.as_u64().expect("a width");
            assert!(found <= width.into(), "{name} has {found} of {width} pixels");
            if width == WIDTHS[0] {
                let cut = page.evaluate(CUT);
                assert_eq!(
                    cut,
                    Value::Array(Vec::new()),
                    "{name} has tables wider than their panels"
                );
            }
            let barriers = barriers(page);
            assert_eq!(
                barriers,
                Value::Array(Vec::new()),
                "{name}, {width} pixels, dark: {is_dark}"
            );
            album::keep(page, &picture, (name, width, is_dark));
        }
    }
}

/// The pages of a developer; the account is bob's.
fn api_keys(server: &TestServer, page: &mut Page<'_>) {
    let origin = server.origin();
    let developer = "UPDATE accounts SET kind = 'developer', role = 'admin' WHERE username = 'bob'";
    server.database().store().execute(developer).expect("the account is there");
    // What the server knows of the account is older than this.
    server.clock().advance(Accounts::MAX_AGE);
    page.open(&format!("{origin}/console/api-keys"));
    take(page, "api-keys-none");
    page.open(&format!("{origin}/console/api-keys/new"));
    take(page, "api-key-new");
    page.fill("#name", "Nightly report of the wards");
    page.fill("#scope", "schedule:read\nschedule:list");
    page.fill("#networks", "192.0.2.0/24\n2001:db8::/32");
    page.fill("#current_password", PASSWORD);
    page.submit();
    take(page, "api-key-shown");
    page.open(&format!("{origin}/console/api-keys"));
    take(page, "api-keys");
    page.follow("a[href$='/rotate']");
    take(page, "api-key-rotate");
}

/// The pages for operators; bob is an administrator by now.
fn administration(server: &TestServer, page: &mut Page<'_>) {
    let origin = server.origin();
    for name in ["charles", "grace.hopper", "katherine", "annie_easley", "mary-golda"] {
        Browser::of(server).register(name);
        Browser::of(server).sign_in(name);
    }
    let mut stranger = Browser::of(server);
    for _ in 0..4 {
        stranger.submit(
            "/console/sign-in",
            &[("username", "charles"), ("password", "x"), ("next", "")],
        );
    }
    let changes = [
        "UPDATE accounts SET role = 'resident', is_active = false WHERE username = 'katherine'",
        "UPDATE accounts SET role = 'coordinator', mfa_enabled = true WHERE username = 'annie_easley'",
    ];
    for change in changes {
        server.database().store().execute(change).expect("the account is there");
    }
    page.open(&format!("{origin}/console/sign-in?next=%2Fconsole%2Fadmin%2Fusers"));
    page.fill("#username", "bob");
    page.fill("#password", PASSWORD);
    page.submit();
    take(page, "admin-users");
    page.follow("tbody tr:nth-child(4) a");
    take(page, "admin-user");
    page.open(&format!("{origin}/console/admin/users?q=nobody"));
    take(page, "admin-users-none");
    page.open(&format!("{origin}/console/admin/sessions"));
    take(page, "admin-sessions");
    page.open(&format!("{origin}/console/admin/invitations"));
    page.fill("#email", "lise@example.org");
    page.submit();
    take(page, "admin-invitations");
    page.open(&format!("{origin}/console/admin/bans"));
    take(page, "admin-bans-none");
    page.fill("#address", "2001:db8::7");
    page.fill("#reason", "A scan of all paths");
    page.submit();
    take(page, "admin-bans");
    page.open(&format!("{origin}/console/setup"));
    take(page, "setup-closed");
    page.open(&format!("{origin}/console/admin/first-steps"));
    take(page, "admin-first-steps");
    page.follow("form[action$='/test-mail'] button");
    take(page, "admin-first-steps-mail");
    page.open(&format!("{origin}/console/admin/matrix"));
    take(page, "admin-matrix");
    page.evaluate("document.querySelector('.matrix tr:nth-child(2) td a').focus()");
    take(page, "admin-matrix-rules");
    page.open(&format!(
        "{origin}/console/admin/matrix?role=coordinator&action=approve&resource=absence"
    ));
    take(page, "admin-matrix-question");
    page.open(&format!("{origin}/console/admin/matrix/versions"));
    take(page, "admin-matrix-versions");
    for (minutes, count) in [(3, 3), (1, 1), (7, 3), (2, 2), (4, 3)] {
        server.clock().advance(Duration::from_secs(60 * minutes));
        for name in ["charles", "nobody", "annie_easley"].iter().take(count) {
            stranger
                .submit("/console/sign-in", &[("username", name), ("password", "x"), ("next", "")]);
        }
    }
    server.clock().advance(Duration::from_secs(60));
    page.open(&format!("{origin}/console/admin/sign-ins?period=hour"));
    take(page, "admin-sign-ins");
    page.open(&format!("{origin}/console/admin"));
    take(page, "admin-overview");
    page.open(&format!("{origin}/console/admin/risk?account={NOBODY}"));
    take(page, "admin-risk-none");
    page.open(&format!("{origin}/console/admin/risk"));
    take(page, "admin-risk");
    page.fill("#challenge_at", "15");
    page.follow("form[action$='/replay'] button");
    take(page, "admin-risk-replay");
    page.fill("#refuse_at", "10");
    page.follow("form.filter button");
    take(page, "admin-risk-replay-refused");
    page.open(&format!("{origin}/console/admin/lockouts"));
    take(page, "admin-lockouts");
    page.open(&format!("{origin}/console/admin/matrix/replay/result?version=1&days=7"));
    take(page, "admin-matrix-replay");
    for name in ["outbox", "signing-keys", "jobs", "settings"] {
        page.open(&format!("{origin}/console/admin/{name}"));
        take(page, &format!("admin-{name}"));
    }
    page.open(&format!("{origin}/console/admin/audit?kind=sign_in"));
    take(page, "admin-audit");
    // The link may take two lines, and its middle be between them.
    let entry = page.evaluate("document.querySelector('tbody tr th a').href");
    page.open(entry.as_str().expect("an address"));
    take(page, "admin-audit-entry");
}

#[test]
fn every_page_fits_its_screen_and_has_no_barrier() {
    album::begin();
    let settings = TestSettings { named: true, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut ada = Browser::of(&server);
    ada.register("ada");
    ada.sign_in("ada");
    crate::second_step::enrol_app(&server, &mut ada);
    Browser::of(&server).register("bob");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    let origin = server.origin().to_owned();
    page.open(&format!("{origin}/console/setup"));
    take(&mut page, "setup");
    page.fill("#setup_token", "not-the-token");
    page.fill("#username", "grace");
    page.fill("#email", "grace@example.org");
    page.fill("#password", PASSWORD);
    page.submit();
    take(&mut page, "setup-refused");
    page.open(&format!("{origin}/console/sign-in"));
    take(&mut page, "sign-in");
    page.fill("#username", "ada");
    page.fill("#password", "wrong");
    page.submit();
    take(&mut page, "sign-in-refused");
    page.fill("#password", PASSWORD);
    page.submit();
    take(&mut page, "second-step");
    page.fill("#code", "000000");
    page.submit();
    take(&mut page, "second-step-refused");
    page.open(&format!("{origin}/console/sign-in?notice=ended"));
    take(&mut page, "session-ended");
    page.open(&format!("{origin}/console/nowhere"));
    take(&mut page, "not-found");
    page.open(&format!("{origin}/console/sign-out"));
    take(&mut page, "signed-out");
    page.open(&format!("{origin}/console/sign-in"));
    page.fill("#username", "bob");
    page.fill("#password", PASSWORD);
    page.submit();
    take(&mut page, "account");
    page.open(&format!("{origin}/console/sessions"));
    take(&mut page, "sessions");
    page.open(&format!("{origin}/console/factors"));
    take(&mut page, "factors-none");
    page.open(&format!("{origin}/console/factors/app"));
    take(&mut page, "app");
    page.fill("#current_password", PASSWORD);
    page.submit();
    take(&mut page, "app-key");
    page.open(&format!("{origin}/console/factors/passkeys/add"));
    page.fill("#current_password", PASSWORD);
    page.submit();
    take(&mut page, "passkey");
    page.open(&format!("{origin}/console/profile"));
    page.fill("#display_name", LONG_NAME);
    page.submit();
    page.open(&format!("{origin}/console"));
    take(&mut page, "account-long-name");
    page.open(&format!("{origin}/console/profile"));
    take(&mut page, "profile");
    page.open(&format!("{origin}/console/password"));
    page.fill("#current_password", "wrong");
    page.fill("#new_password", "short");
    page.submit();
    take(&mut page, "password-refused");
    for (name, path) in [
        ("register", "register"),
        ("check-mail", "check-mail"),
        ("forgot-password", "forgot-password"),
        ("reset-password", "reset-password?token=x"),
        ("verify-email", "verify-email?token=x"),
        ("resend", "verify-email/resend"),
        ("invalid-link", "verify-email"),
        ("not-me", "not-me?token=x"),
        ("email", "email"),
        ("data", "data"),
        ("delete-account", "delete-account"),
    ] {
        page.open(&format!("{origin}/console/{path}"));
        take(&mut page, name);
    }
    api_keys(&server, &mut page);
    administration(&server, &mut page);
    page.open(&format!("{origin}/console/register"));
    page.fill("#username", "a b");
    page.fill("#email", "ada@example");
    page.fill("#password", "short");
    page.submit();
    take(&mut page, "register-refused");
    stays_within(&mut page, &server);
    album::end();
}
