//! A form that needs a recent sign-in survives the confirmation, and each form survives an expired access token: it goes
//! on as it was typed, without its secrets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{
    Answer, AuthenticatorApp, Browser, Chromium, PASSWORD, TestDatabase, TestServer,
};
use portcullis_web::{Method, Route};

use crate::form::{location, sign_in, signed_in, submit, value};
use crate::second_step::{answer, enrol_app};

/// The time after which a sign-in is too old.
const TOO_OLD: Duration = Duration::from_secs(1_000);

/// The administrator ada, with an authenticator app; and a developer.
fn operated() -> (TestServer, Browser, AuthenticatorApp) {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = signed_in(&server, "ada");
    let app = enrol_app(&server, &mut ada);
    let promotion = "UPDATE accounts SET role = 'admin', kind = 'developer'";
    server.database().store().execute(promotion).expect("the account is there");
    server.clock().advance(Duration::from_secs(60));
    let mut ada = Browser::of(&server);
    let asked = sign_in(&mut ada, "ada");
    let code = app.code(server.clock().now());
    assert_eq!(location(&answer(&mut ada, &asked, &code)), "/console");
    server.clock().advance(Duration::from_secs(60));
    (server, ada, app)
}

/// The path to which an answer sends the same form once more.
fn repeated(answer: &Answer) -> String {
    assert_eq!(answer.status, 307, "{}", answer.text);
    answer.header("location").expect("a redirect has a place").to_owned()
}

/// Sends the form that a confirmation carries, with a proof of the person.
fn prove(browser: &mut Browser, asked: &Answer, path: &str, proof: (&str, &str)) -> Answer {
    assert_eq!(asked.status, 200, "{}", asked.text);
    assert!(asked.text.contains("What you have typed is kept"), "{}", asked.text);
    let [next, to, form] = ["next", "to", "form"].map(|name| value(asked, name));
    let fields = [proof, ("next", &*next), ("to", &*to), ("form", &*form)];
    let page = submit(browser, path, &fields);
    assert_eq!(page.status, 200, "{}", page.text);
    page
}

/// Sends a form that needs a recent sign-in, confirms it, and returns the page that sends it once more.
fn confirmed(
    (server, browser, app): &mut (TestServer, Browser, AuthenticatorApp),
    path: &str,
    fields: &[(&str, &str)],
) -> Answer {
    server.clock().advance(TOO_OLD);
    let to = repeated(&submit(browser, path, fields));
    assert!(to.starts_with("/console/confirm/form?next="), "{path}: {to}");
    let asked = submit(browser, &to, fields);
    let wrong =
        [("code", "000000"), ("to", &*value(&asked, "to")), ("form", &*value(&asked, "form"))];
    let again = submit(browser, "/console/confirm", &wrong);
    assert_eq!(again.status, 403, "{}", again.text);
    assert_eq!(value(&again, "form"), value(&asked, "form"), "a wrong code loses nothing");
    let code = app.code(server.clock().now());
    let page = prove(browser, &asked, "/console/confirm", ("code", &code));
    assert!(!asked.text.contains(PASSWORD) && !page.text.contains(PASSWORD), "{path}");
    assert!(page.text.contains(&format!("method=\"post\" action=\"{path}\"")), "{}", page.text);
    page
}

fn needs_recent_sign_in(route: &Route) -> bool {
    route.method == Method::Post && (route.guard.recent_sign_in || route.guard.recent_factor)
}

#[test]
fn every_form_that_needs_a_recent_sign_in_is_kept_without_its_secrets() {
    const TYPED: &str = "two\nlines, \"quoted\" <b> & 100 % of them; +1";
    let mut operated = operated();
    let routes = portcullis_console::route_table();
    let routes: Vec<_> = routes.into_iter().filter(|route| needs_recent_sign_in(route)).collect();
    assert!(routes.len() > 30, "{}", routes.len());
    for route in routes {
        let path = route.path.replace("{id}", "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e99");
        let fields = [("typed", TYPED), ("current_password", PASSWORD), ("new_password", PASSWORD)];
        let page = confirmed(&mut operated, &path, &fields);
        assert_eq!(value(&page, "typed"), TYPED, "{path}");
        assert_eq!(value(&page, "current_password"), "", "it is typed again");
        assert_eq!(value(&page, "new_password"), "", "it is typed again");
        // The form arrives now, and has no such field.
        let sent = submit(&mut operated.1, &path, &fields);
        assert!([400, 404].contains(&sent.status), "{path}: {}", sent.status);
    }
}

#[test]
fn a_kept_form_does_what_it_was_sent_for() {
    let mut operated = operated();
    let matrix = include_str!("../../config/access_matrix.toml").to_owned() + "# 100 %\n";
    for (path, fields, to) in [
        (
            "/console/admin/matrix/versions",
            &[("text", &*matrix)][..],
            "/console/admin/matrix?compare=2",
        ),
        (
            "/console/admin/bans",
            &[("address", "203.0.113.9"), ("hours", "24"), ("reason", "a \"scan\"")],
            "/console/admin/bans",
        ),
        (
            "/console/admin/sign-ins/ban?period=week",
            &[("address", "203.0.113.8"), ("hours", "24")],
            "/console/admin/sign-ins?period=week&notice=banned",
        ),
        (
            "/console/admin/invitations",
            &[("email", "lise@example.org"), ("role", "msa"), ("kind", "user")],
            "/console/admin/invitations",
        ),
        (
            "/console/email",
            &[("email", "new@example.org"), ("current_password", PASSWORD)],
            "/console/check-mail",
        ),
    ] {
        let page = confirmed(&mut operated, path, fields);
        let names = fields.iter().map(|(name, _)| *name);
        let typed = names.map(|name| match name {
            "current_password" => (name, PASSWORD.to_owned()),
            name => (name, value(&page, name)),
        });
        let typed: Vec<_> = typed.collect();
        let fields: Vec<_> = typed.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(location(&submit(&mut operated.1, path, &fields)), to);
    }
    let bans = operated.1.get("/console/admin/bans", &[]);
    assert!(bans.text.contains("a &#34;scan&#34;"), "{}", bans.text);
}

#[test]
fn a_form_goes_on_after_the_renewal_of_the_session() {
    let (server, mut ada, app) = operated();
    let expire = |browser: &mut Browser| {
        server.clock().advance(Duration::from_secs(1_801));
        browser.cookies().remove("access_token");
    };
    let csrf = value(&ada.get("/console/profile", &[]), "csrf_token");
    let name = [("display_name", "Ada"), ("csrf_token", &*csrf)];
    expire(&mut ada);
    let renewal = repeated(&ada.submit("/console/profile", &name));
    assert_eq!(renewal, "/console/renew?next=%2Fconsole%2Fprofile");
    assert_eq!(repeated(&ada.submit(&renewal, &name)), "/console/profile");
    assert_eq!(location(&ada.submit("/console/profile", &name)), "/console");

    // The confirmation comes after it.
    let path = "/console/admin/bans";
    let ban = [("address", "203.0.113.9"), ("hours", "24"), ("reason", "a scan")];
    let fields = [&ban[..], &[("csrf_token", &csrf)]].concat();
    expire(&mut ada);
    let renewal = repeated(&ada.submit(path, &fields));
    assert_eq!(repeated(&ada.submit(&renewal, &fields)), path);
    let confirmation = repeated(&ada.submit(path, &fields));
    let asked = ada.submit(&confirmation, &fields);
    let code = app.code(server.clock().now());
    let page = prove(&mut ada, &asked, "/console/confirm", ("code", &code));
    assert_eq!(value(&page, "reason"), "a scan");
    assert_eq!(location(&submit(&mut ada, path, &ban)), path);

    // A session that is over leads to the sign-in, and then to a page.
    expire(&mut ada);
    ada.cookies().remove("refresh_token");
    let renewal = repeated(&ada.submit("/console/profile", &name));
    let sign_in = "/console/sign-in?next=%2Fconsole%2Frenew";
    let to = location(&ada.submit(&renewal, &name)).to_owned();
    assert!(to.starts_with("/console/sign-in") && to != sign_in, "{to}");
}

#[test]
fn a_person_without_a_second_factor_confirms_with_the_password() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = crate::administration::with_role(&server, "ada", "admin");
    server.clock().advance(TOO_OLD);
    let path = "/console/admin/bans";
    let ban = [("address", "203.0.113.9"), ("hours", "24"), ("reason", "a scan")];
    let to = repeated(&submit(&mut ada, path, &ban));
    let asked = submit(&mut ada, &to, &ban);
    assert!(asked.text.contains("Enter your password"), "{}", asked.text);
    let confirm = "/console/confirm/password";
    let [form, target] = ["form", "to"].map(|name| value(&asked, name));
    let wrong = [("password", "wrong"), ("next", ""), ("to", &*target), ("form", &*form)];
    let again = submit(&mut ada, confirm, &wrong);
    assert_eq!((again.status, value(&again, "form")), (401, form), "{}", again.text);
    let page = prove(&mut ada, &asked, confirm, ("password", PASSWORD));
    assert_eq!(value(&page, "reason"), "a scan");
    let token = value(&page, "csrf_token");
    let fields = [&ban[..], &[("csrf_token", &*token)]].concat();
    assert_eq!(location(&ada.submit(path, &fields)), path, "the token is of the new session");
    assert!(ada.get(path, &[]).text.contains("a scan"));
}

/// Announces a kept form of this length, and sends nothing of it. Returns what the server says to that.
fn announce(server: &TestServer, browser: &mut Browser, length: usize) -> (String, TcpStream) {
    let origin = server.origin();
    let address = origin.trim_start_matches("http://");
    let cookies = browser.cookies().iter().map(|(name, value)| format!("{name}={value}"));
    let cookies = cookies.collect::<Vec<_>>().join("; ");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    write!(
        stream,
        "POST /console/confirm/form HTTP/1.1\r\nhost: {address}\r\norigin: {origin}\r\ncookie: {cookies}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\
         expect: 100-continue\r\n\r\n"
    )
    .expect("the server reads");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("the server asks for the body or refuses it");
    (String::from_utf8_lossy(&status).into_owned(), stream)
}

#[test]
fn slow_forms_of_two_accounts_keep_no_other_account_from_its_confirmation() {
    const MIB: usize = 1024 * 1024;
    let (server, mut ada, _app) = operated();
    let (mut grace, mut alan) = (signed_in(&server, "grace"), signed_in(&server, "alan"));
    let slow = [
        announce(&server, &mut grace, 6 * MIB),
        announce(&server, &mut grace, 4 * MIB),
        announce(&server, &mut alan, 6 * MIB),
    ];
    let statuses = slow.each_ref().map(|(status, _)| status.as_str());
    assert_eq!(statuses, ["HTTP/1.1 100", "HTTP/1.1 503", "HTTP/1.1 503"]);
    let wrong = [("code", "000000"), ("to", ""), ("form", "")];
    let answer = submit(&mut ada, "/console/confirm", &wrong);
    assert_eq!(answer.status, 403, "{}", answer.text);
}

#[test]
fn a_long_matrix_survives_the_confirmation_in_a_browser() {
    let (server, _, app) = operated();
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!(
        "{}/console/sign-in?next=%2Fconsole%2Fadmin%2Fmatrix%2Fversions",
        server.origin()
    ));
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    page.fill("#code", &app.code(server.clock().now()));
    page.submit();
    let comments =
        "# Each line of a comment is one of many: 100 % of them, \"quoted\".\n".repeat(8_000);
    let matrix = include_str!("../../config/access_matrix.toml").to_owned() + &comments;
    page.evaluate(&format!(
        "document.querySelector('#text').value = {}",
        serde_json::json!(matrix)
    ));
    server.clock().advance(TOO_OLD);
    page.follow("form[action$='/versions'] button");
    assert_eq!(page.path(), "/console/confirm/form", "{}", page.text());
    page.fill("#code", &app.code(server.clock().now()));
    page.submit();
    assert!(page.text().contains("Nothing has happened yet"), "{}", page.text());
    page.follow("main form button");
    assert_eq!(page.path(), "/console/admin/matrix", "{}", page.text());
    let stored = "SELECT file FROM matrix_versions WHERE number = 2";
    assert_eq!(server.database().store().texts(stored).expect("a version"), [matrix]);
    assert_eq!(server.csp_violations(), [""; 0]);
}
