//! New entries of the audit log appear on its page, in a browser with script; without script a link shows them.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_rate_limit::Quota;
use portcullis_testkit::{
    Answer, Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer, TestSettings,
};
use portcullis_web::RateLimitSettings;
use serde_json::json;

use crate::administration::with_role;
use crate::form::{sign_in, submit};

/// A failed sign-in of a name that nobody has.
fn fail(server: &TestServer) {
    let fields = [("username", "nobody"), ("password", "wrong"), ("next", "")];
    assert_eq!(Browser::of(server).submit("/console/sign-in", &fields).status, 401);
}

/// The path of the entries since those of this page.
fn newer(page: &Answer) -> String {
    let rest = page.text.split("data-tail=\"").nth(1).expect("the page follows the log");
    rest.split('"').next().expect("it ends").replace("&#38;", "&")
}

/// The entries of a page.
fn ids(page: &Answer) -> BTreeSet<String> {
    assert_eq!(page.status, 200, "{}", page.text);
    let rows = page.text.split("<tr data-id=\"").skip(1);
    rows.filter_map(|row| row.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn entries_since_a_page_continue_its_search_and_are_not_recorded_again() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = with_role(&server, "ada", "admin");
        let searches = |admin: &mut Browser| {
            ids(&admin.get("/console/admin/audit?kind=audit_searched", &[])).len()
        };
        let before = searches(&mut admin);
        let page = admin.get("/console/admin/audit", &[]);
        let (path, shown) = (newer(&page), ids(&page));
        let nothing = ids(&admin.get(&path, &[]));
        assert!(nothing.is_subset(&shown), "{nothing:?} of {shown:?}: its own checks are left out");
        fail(&server);
        let since = admin.get(&path, &[]);
        let news: Vec<_> = ids(&since).difference(&shown).cloned().collect();
        assert_eq!(news.len(), 1, "{}", since.text);
        assert!(since.text.contains("unknown_account"), "{}", since.text);
        server.clock().advance(Duration::from_secs(60));
        fail(&server);
        let since = admin.get(&newer(&since), &[]);
        let news = ids(&since).difference(&shown).filter(|id| !news.contains(*id)).count();
        assert_eq!(news, 1, "{}", since.text);
        assert_eq!(ids(&admin.get(&newer(&since), &[])).len(), 1, "earlier ones come no more");
        assert_eq!(searches(&mut admin), before + 2, "of the page, and of the count before");

        let other = format!("{path}&kind=sign_in");
        assert_eq!(admin.get(&other, &[]).status, 400, "the place is of another search");
        let mut grace = with_role(&server, "grace", "admin");
        assert_eq!(grace.get(&path, &[]).status, 400, "and of another reader");
        for fixed in ["until=2099-01-01T00%3A00", "kind=sign_in&until=2099-01-01T00%3A00"] {
            let page = admin.get(&format!("/console/admin/audit?{fixed}"), &[]);
            assert!(!page.text.contains("data-tail"), "a search of the past is not followed");
        }
    });
}

#[test]
fn a_script_without_a_session_gets_the_error_and_a_person_the_sign_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut stranger = Browser::of(&server);
    let by_script = stranger.get("/console/admin/audit", &[("sec-fetch-dest", "empty")]);
    assert_eq!(by_script.status, 401);
    let by_person = stranger.get("/console/admin/audit", &[("sec-fetch-dest", "document")]);
    assert_eq!(by_person.status, 303);
}

#[test]
fn an_open_page_does_not_renew_its_session_without_the_headers_of_browsers_either() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    let path = newer(&admin.get("/console/admin/audit", &[]));
    let by_script = [("x-requested-with", "XMLHttpRequest")];
    assert_eq!(admin.get(&path, &by_script).status, 200);
    server.clock().advance(Duration::from_secs(1_801));
    admin.cookies().remove("access_token");
    let before = admin.cookies().clone();
    assert_eq!(admin.get(&path, &by_script).status, 401);
    assert_eq!(*admin.cookies(), before, "nothing is renewed");
    assert_eq!(admin.get(&path, &[]).status, 303, "a person goes to the renewal");

    // The script of the page says so.
    let mut chromium = Chromium::start();
    let mut page = open(&mut chromium, &server, "kind=sign_in");
    let sent = page.event("Network.requestWillBeSent", |event| {
        event["request"]["url"].as_str().is_some_and(|url| url.contains("since="))
    });
    let headers = sent["request"]["headers"].as_object().expect("headers");
    let mut headers = headers.iter().map(|(name, value)| (name.to_lowercase(), value));
    assert!(headers.any(|header| header == (by_script[0].0.to_owned(), &json!(by_script[0].1))));
}

/// The page of the audit log after this search, of an administrator of that name.
fn open<'a>(chromium: &'a mut Chromium, server: &TestServer, search: &str) -> Page<'a> {
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    page.open(&format!("{}/console/admin/audit?{search}", server.origin()));
    page
}

fn count(page: &mut Page<'_>) -> u64 {
    page.evaluate("document.querySelectorAll('tr[data-id]').length").as_u64().expect("a number")
}

fn status(page: &mut Page<'_>) -> String {
    let text = page.evaluate("document.querySelector('.tools [role=status]').textContent");
    text.as_str().expect("a text").to_owned()
}

/// Waits until the status has this text.
fn await_status(page: &mut Page<'_>, text: &str) {
    let found = page.evaluate(&format!(
        "new Promise((done) => {{ let left = 400; const look = () => {{ \
           const {{ textContent }} = document.querySelector('.tools [role=status]'); \
           const isOver = textContent.includes({}) || (left -= 1) === 0; \
           return isOver ? done(textContent) : setTimeout(look, 50); }}; look(); }})",
        json!(text)
    ));
    assert!(found.as_str().expect("a text").contains(text), "{found} instead of {text}");
}

/// Waits longer than the pause between two loads.
fn await_load(page: &mut Page<'_>) {
    page.evaluate("new Promise((done) => setTimeout(done, 7000))");
}

#[test]
fn an_event_elsewhere_appears_without_a_reload_and_not_during_a_pause() {
    let server = TestServer::start(TestDatabase::sqlite());
    drop(with_role(&server, "ada", "admin"));
    let mut chromium = Chromium::start();
    let mut page = open(&mut chromium, &server, "kind=sign_in&outcome=unknown_account");
    assert_eq!((count(&mut page), status(&mut page).as_str()), (0, "New entries appear here."));
    page.evaluate("window.loaded = 'once'");
    (0..2).for_each(|_| fail(&server));
    await_status(&mut page, "New entries: 2");
    assert_eq!(count(&mut page), 2);
    fail(&server);
    await_status(&mut page, "New entries: 1");
    assert_eq!(count(&mut page), 3);

    page.click(".tools button");
    assert_eq!(status(&mut page), "Paused.");
    fail(&server);
    await_load(&mut page);
    assert_eq!(count(&mut page), 3);
    page.click(".tools button");
    await_status(&mut page, "New entries: 1");
    assert_eq!(count(&mut page), 4);
    assert_eq!(page.evaluate("window.loaded"), json!("once"));
    assert_eq!(server.csp_violations(), [""; 0]);
}

#[test]
fn the_end_of_the_session_stops_it_with_a_text() {
    let server = TestServer::start(TestDatabase::sqlite());
    drop(with_role(&server, "ada", "admin"));
    let mut chromium = Chromium::start();
    let mut page = open(&mut chromium, &server, "kind=sign_in");
    let mut elsewhere = Browser::of(&server);
    sign_in(&mut elsewhere, "ada");
    submit(&mut elsewhere, "/console/sessions/end-others", &[]);
    await_status(&mut page, "Stopped: the session has ended");
    assert_eq!(page.path(), "/console/admin/audit");
    let button = "document.querySelector('.tools button').hidden";
    assert_eq!(page.evaluate(button), json!(true));
    let loads = "performance.getEntriesByType('resource').length";
    let before = page.evaluate(loads);
    await_load(&mut page);
    assert_eq!(page.evaluate(loads), before, "it asks no more");
}

#[test]
fn too_many_requests_pause_it_with_a_text() {
    let general = |name, limit| Quota::gcra(name, limit, Duration::from_secs(10)).expect("a quota");
    let settings = TestSettings {
        rate_limits: RateLimitSettings {
            requests: general("requests", 100_000),
            account_requests: general("account_requests", 20),
            key_requests: general("key_requests", 100),
            routes: Vec::new(),
            exempt_networks: Vec::new(),
        },
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    drop(with_role(&server, "ada", "admin"));
    let mut chromium = Chromium::start();
    let mut page = open(&mut chromium, &server, "kind=sign_in");
    // The clock of the server stands still, so the account gets no further request.
    page.evaluate(
        "Promise.all(Array.from({ length: 25 }, () => fetch('/api/auth/me'))).then(() => true)",
    );
    await_status(&mut page, "too many requests");
    assert_eq!(page.evaluate("document.querySelector('.tools button').hidden"), json!(false));
}
