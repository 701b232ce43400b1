//! The bundled viewer of the API document, in a real browser under the content security policy.

use std::process::Command;

use portcullis_api::route_table;
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};
use tempfile::TempDir;

/// The variable with the browser of the tests; `tests/run` sets it.
const CHROMIUM: &str = "PORTCULLIS_TEST_CHROMIUM";

/// The policy allows only files of the server, so a page without a violation has loaded nothing from other
/// origins.
#[test]
fn the_viewer_shows_every_operation_without_breaking_its_policy() {
    let server = TestServer::start(TestDatabase::sqlite());
    let page = open(&format!("{}/api/docs/", server.origin()));
    for route in route_table() {
        assert!(page.contains(&format!("data-path=\"{}\"", route.path)), "{}", route.path);
    }
    let page = open(&format!("{}/api/docs/#/auth/registerAccount", server.origin()));
    assert!(page.contains("violet-otter-plays-7-cellos"), "an opened operation shows its example");
}

#[test]
fn the_policy_of_the_viewer_allows_its_own_files_and_nothing_inline() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let answer = browser.get("/api/docs/", &[]);
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!policy.contains("http"), "{policy}");
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        let answer = browser.get(&format!("/api/docs/{file}"), &[]);
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn the_address_without_its_slash_leads_there_too() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/api/docs", &[]);
    assert_eq!((answer.status, answer.header("location")), (308, Some("/api/docs/")));
}

#[test]
fn where_the_viewer_is_switched_off_there_is_none() {
    let settings = TestSettings { docs: false, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    for path in ["/api/docs", "/api/docs/", "/api/docs/swagger-ui-bundle.js"] {
        assert_eq!(Browser::of(&server).get(path, &[]).code(), "not_found");
    }
    assert_eq!(Browser::of(&server).get("/api/openapi.json", &[]).status, 200);
}

/// The rendered page, checked for violations.
fn open(url: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the browser over this way")]
    let chromium = std::env::var(CHROMIUM)
        .unwrap_or_else(|_| panic!("{CHROMIUM} is not set: run the tests with tests/run"));
    let profile = TempDir::new().expect("the system has a folder for temporary files");
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-extensions"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output()
        .expect("the browser starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let console = text(&output.stderr);
    let complaints: Vec<&str> = console.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{url}: {complaints:#?}");
    text(&output.stdout)
}
