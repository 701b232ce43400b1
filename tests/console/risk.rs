//! The risk of sign-ins on a page: its reasons, and its replay with other thresholds.

use std::time::Duration;

use portcullis_testkit::{
    Answer, Browser, Chromium, PASSWORD, TestDatabase, TestServer, TestSettings,
};

use crate::administration::with_role;

const PATH: &str = "/console/admin/risk";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server that a proxy tells the addresses of clients.
fn server(database: TestDatabase) -> TestServer {
    let trusted_proxies = vec!["127.0.0.1/32".to_owned()];
    TestServer::with(database, TestSettings { trusted_proxies, ..TestSettings::default() })
}

fn sign_in_from(browser: &mut Browser, address: &str, username: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    let body = format!("{{\"username\":\"{username}\",\"password\":\"{PASSWORD}\"}}");
    browser.send("POST", "/api/auth/login/json", &headers, &body)
}

/// A known sign-in of bob, and a day later one of a new device abroad, with 45 points.
fn challenge(server: &TestServer) {
    let mut home = Browser::of(server);
    home.register("bob");
    assert_eq!(sign_in_from(&mut home, "192.0.2.7", "bob").status, 200);
    server.clock().advance(DAY);
    let challenged = sign_in_from(&mut Browser::of(server), "198.51.100.7", "bob");
    assert_eq!(challenged.json()["mfa_required"], true, "{}", challenged.text);
    server.clock().advance(Duration::from_secs(1));
}

/// The rows of the list of sign-ins, or of changes.
fn rows(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (_, table) = answer.text.split_once("<table class=\"entries\">").unwrap_or_default();
    let (table, _) = table.split_once("</table>").unwrap_or_default();
    table.split("<tr>").skip(2).collect()
}

#[test]
fn assessed_sign_ins_are_listed_with_their_reasons_and_lead_on() {
    TestDatabase::on_both(|database| {
        let server = server(database);
        challenge(&server);
        let mut admin = with_role(&server, "ada", "admin");
        let all = admin.get(PATH, &[]);
        assert_eq!(rows(&all).len(), 3, "{}", all.text);
        let found = admin.get(&format!("{PATH}?outcome=challenged&account="), &[]);
        let [row] = rows(&found)[..] else { panic!("{}", found.text) };
        for text in [
            ">challenged</span>",
            "45 points",
            "<strong>20</strong> <code>new_device</code>",
            "the device has not signed in to this account before",
            "<strong>25</strong> <code>new_network</code>",
            "<code>198.51.100.7</code>",
            ">bob</a>",
        ] {
            assert!(row.contains(text), "{text} in {row}");
        }
        let link = |row: &str, part: &str| {
            let link = row.split("href=\"").find(|link| link.contains(part)).expect("a link");
            let link = link.split('"').next().expect("its end");
            link.replace("&#38;", "&").replace("&amp;", "&")
        };
        let entry = admin.get(&link(row, "/console/admin/audit"), &[]);
        assert_eq!(entry.text.matches("<td>sign_in_assessed").count(), 1, "{}", entry.text);
        let account = link(row, "/console/admin/users/");
        assert!(admin.get(&account, &[]).text.contains("bob@example.org"));
        let id = account.rsplit('/').next().expect("an id");
        let of_bob = admin.get(&format!("{PATH}?account={id}"), &[]);
        assert_eq!(rows(&of_bob).len(), 2, "{}", of_bob.text);
        let none = admin.get(&format!("{PATH}?outcome=refused"), &[]);
        assert!(none.text.contains("No assessed sign-in matches"), "{}", none.text);
        let wrong = admin.get(&format!("{PATH}?account=me"), &[]);
        assert_eq!(wrong.status, 400, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"account-fault\""), "{}", wrong.text);
    });
}

#[test]
fn the_list_has_pages_whose_cursors_are_for_their_search_only() {
    let server = server(TestDatabase::sqlite());
    let mut admin = with_role(&server, "ada", "admin");
    for _ in 0..55 {
        assert_eq!(sign_in_from(&mut admin, "192.0.2.7", "ada").status, 200);
    }
    let first = admin.get(PATH, &[]);
    assert_eq!(rows(&first).len(), 50);
    let next = first.text.split("rel=\"next\" href=\"").nth(1).expect("a next page");
    let next = next.split('"').next().expect("a path").to_owned();
    assert_eq!(rows(&admin.get(&next, &[])).len(), 6);
    let other = next.replace("?cursor", "?outcome=allowed&cursor");
    let refused = admin.get(&other, &[]);
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("id=\"faults\""), "{}", refused.text);
}

#[test]
fn other_thresholds_show_which_decisions_they_would_change() {
    TestDatabase::on_both(|database| {
        let server = server(database);
        challenge(&server);
        let mut admin = with_role(&server, "ada", "admin");
        server.clock().advance(Duration::from_secs(1));
        let mut replay = |query: &str| admin.get(&format!("{PATH}/replay?{query}"), &[]);
        let same = replay("challenge_at=40&refuse_at=100&days=30");
        assert!(same.text.contains("3 sign-ins were assessed again"), "{}", same.text);
        assert!(same.text.contains("No decision would be another one"), "{}", same.text);
        assert_eq!(replay("").text.matches("value=\"40\"").count(), 1, "those in force");
        let lax = replay("challenge_at=50&refuse_at=100&days=30");
        let [row] = rows(&lax)[..] else { panic!("{}", lax.text) };
        for text in [">challenged</span>", ">allowed</span>", "<td>45</td>", ">bob</a>"] {
            assert!(row.contains(text), "{text} in {row}");
        }
        let strict = replay("challenge_at=20&refuse_at=45&days=30");
        assert!(rows(&strict)[0].contains(">refused</span>"), "{}", strict.text);
        let today = replay("challenge_at=50&refuse_at=100&days=1");
        assert!(today.text.contains("2 sign-ins were assessed again"), "{}", today.text);
        for (query, field) in [
            ("challenge_at=0&refuse_at=100&days=30", "challenge_at"),
            ("challenge_at=40&refuse_at=1001&days=30", "refuse_at"),
            ("challenge_at=40&refuse_at=39&days=30", "refuse_at"),
            ("challenge_at=40&refuse_at=100&days=366", "days"),
            ("challenge_at=40&refuse_at=100&days=%3Cb%3E", "days"),
        ] {
            let wrong = replay(query);
            assert_eq!(wrong.status, 400, "{query}: {}", wrong.text);
            assert!(wrong.text.contains(&format!("id=\"{field}-fault\"")), "{}", wrong.text);
        }
        let log = admin.get("/console/admin/audit?kind=audit_searched", &[]);
        assert!(log.text.contains("sign_in_assessed"), "each reading is recorded: {}", log.text);
    });
}

#[test]
fn without_an_assessment_the_page_says_so() {
    let settings = TestSettings { risk: None, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut admin = with_role(&server, "ada", "admin");
    let page = admin.get(PATH, &[]);
    assert!(page.text.contains("The assessment is off"), "{}", page.text);
    assert!(page.text.contains("No assessed sign-in matches"), "{}", page.text);
}

#[test]
fn an_auditor_explains_a_challenge_and_tries_another_threshold_in_a_browser() {
    let server = server(TestDatabase::sqlite());
    challenge(&server);
    Browser::of(&server).register("ada");
    let promote = "UPDATE accounts SET role = 'admin' WHERE username = 'ada'";
    server.database().store().execute(promote).expect("the account is there");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    page.follow(&format!("nav a[href='{PATH}']"));
    assert!(page.text().contains("Challenged from"), "{}", page.text());
    page.evaluate("document.querySelector('#outcome').value = 'challenged'");
    page.follow("form[role=search] button");
    assert!(page.text().contains("198.51.100.7"), "{}", page.text());
    page.fill("#challenge_at", "50");
    page.follow("form[action$='/replay'] button");
    assert_eq!(page.path(), format!("{PATH}/replay"));
    assert_eq!(page.evaluate("document.querySelectorAll('table.entries tbody tr').length"), 1);
    page.follow("table.entries tbody a");
    assert_eq!(page.path(), "/console/admin/audit");
}
