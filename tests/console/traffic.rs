//! What a browser sends and gets for the pages: how much the first page costs, and that nothing goes to another
//! host.

use portcullis_testkit::{Browser, Chromium, Page, TestDatabase, TestServer, TestSettings};

/// Panics if a page has sent a request to another origin, or if a content policy has refused something, a
/// script has failed, or a dialog has opened.
pub(crate) fn stays_within(page: &mut Page<'_>, server: &TestServer) {
    assert_eq!(page.complaints(), [""; 0]);
    assert_eq!(server.csp_violations(), [""; 0]);
    assert!(!page.transfers().is_empty(), "the requests are noted");
    // The icons of fields are data that the browser has itself.
    for transfer in page.transfers().iter().filter(|transfer| !transfer.url.starts_with("data:")) {
        let path = transfer.url.strip_prefix(server.origin());
        assert!(path.is_some_and(|path| path.starts_with('/')), "{}", transfer.url);
    }
}

#[test]
fn the_first_page_with_all_its_files_has_less_than_60_kilobytes() {
    const LIMIT: u64 = 60_000;
    let settings = TestSettings { named: true, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.wait_for_transfers();
    stays_within(&mut page, &server);
    let transfers = page.transfers();
    for name in ["/console/sign-in", ".css", ".svg", "passkey.js"] {
        let found = transfers.iter().find(|transfer| transfer.url.ends_with(name));
        let bytes = found.and_then(|transfer| transfer.bytes).expect("the page needs it");
        assert!(bytes > 200, "{name} has {bytes} bytes");
    }
    let total: u64 = transfers.iter().filter_map(|transfer| transfer.bytes).sum();
    assert!(total < LIMIT, "{total} bytes: {transfers:?}");
    // The icon is the logo, which a browser without a window does not fetch once more.
    let text = Browser::of(&server).get("/console/sign-in", &[]).text;
    let icon = text.split("rel=\"icon\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let icon = icon.expect("an icon");
    assert!(transfers.iter().any(|transfer| transfer.url.ends_with(icon)), "{icon}");
}

#[test]
fn a_request_to_another_host_a_dialog_and_a_fault_of_a_script_are_noticed() {
    let server = TestServer::start(TestDatabase::sqlite());
    let elsewhere = TestServer::start(TestDatabase::sqlite());
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    let sign_in = format!("{}/console/sign-in", server.origin());
    page.open(&sign_in);
    let foreign = format!("{}/health/live", elsewhere.origin());
    page.evaluate(&format!("fetch('{foreign}').catch(() => 0)"));
    page.evaluate("alert(1)");
    page.evaluate("new Promise((done) => setTimeout(() => { setTimeout(done); nothing() }))");
    let [policy, dialog, exception] = page.complaints() else { panic!("{:?}", page.complaints()) };
    assert!(policy.contains("connect-src") && policy.contains(elsewhere.origin()), "{policy}");
    assert!(dialog.contains('1') && exception.contains("nothing"), "{dialog} {exception}");
    page.ignore_content_policies();
    page.open(&sign_in);
    page.evaluate(&format!("fetch('{foreign}', {{ mode: 'no-cors' }}).catch(() => 0)"));
    assert!(page.transfers().iter().any(|transfer| transfer.url == foreign));
}
