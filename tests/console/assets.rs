//! The files of the pages: embedded, kept by browsers, and in the look of the operator.

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer};

/// The paths of files in a page.
fn files(page: &Answer) -> Vec<&str> {
    let parts = page.text.split(['"', '\'']);
    let mut files: Vec<&str> = parts.filter(|part| part.starts_with("/console/assets/")).collect();
    files.dedup();
    files
}

#[test]
fn a_page_loads_only_files_of_this_server_which_may_be_kept() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let page = browser.get("/console/sign-in", &[]);
    let mut transferred = page.text.len();
    let files = files(&page);
    assert!(files.iter().any(|file| file.ends_with("console.css")), "{files:?}");
    for file in files {
        let answer = browser.get(file, &[]);
        assert_eq!(answer.status, 200, "{file}");
        transferred += answer.text.len();
    }
    assert!(transferred < 60_000, "the first page has {transferred} bytes");
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
}

#[test]
fn a_file_is_found_under_its_digest_only() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    for path in ["/console/assets/0000000000000000/console.css", "/console/assets/x/nothing.js"] {
        assert_eq!(browser.get(path, &[]).status, 404, "{path}");
    }
}
