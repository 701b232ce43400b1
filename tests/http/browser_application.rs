//! The JavaScript of `docs/start/browser.md`, on a page of another origin in a real browser.

use portcullis_testkit::{Browser, Chromium, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::browser_csrf::foreign_pages;

const PAGE: &str = include_str!("../../docs/start/browser.md");

#[test]
fn the_documented_application_signs_in_refreshes_changes_and_signs_out() {
    let origin = format!("http://127.0.0.1:{}", foreign_pages());
    let settings = TestSettings { cors_origins: vec![origin.clone()], ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    Browser::of(&server).register("ada");
    let (_, code) = PAGE.split_once("```js\n").expect("a program");
    let (code, _) = code.split_once("```").expect("its end");
    let code = code.replace("https://auth.example.org", server.origin());
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&origin);

    let steps = format!(
        "const signedIn = await signIn('ada', '{PASSWORD}');
         await refresh();
         await refresh();
         const changed = await change('/me', 'PATCH', {{ display_name: 'Ada' }});
         const seen = await me();
         const out = await signOut();
         const after = await me().catch((problem) => problem.code);
         return [signedIn.username, changed.display_name, seen.username, out ?? null, after];"
    );
    let outcome = page.evaluate(&format!("(async () => {{ {code}\n{steps} }})()"));
    assert_eq!(outcome, json!(["ada", "Ada", "ada", null, "not_authenticated"]));
}
