//! The page of a replay, and the roll-back to the previous version.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer};
use serde_json::json;

use crate::administration::with_role;
use crate::form::{location, submit};

/// A matrix that grants the role `msa` one more permission.
fn generous() -> String {
    let text = include_str!("../../config/access_matrix.toml");
    let begin = text.find("[roles.msa]").expect("the role is there");
    let (before, after) = text.split_at(begin);
    let grant = "grants = [\n    { resources = [\"report\"], actions = [\"read\"] },";
    format!("{before}{}", after.replacen("grants = [", grant, 1))
}

/// A server on which two decisions denied it, and the page of versions with the other matrix as the second.
fn asked(server: &TestServer) -> Browser {
    let mut admin = with_role(server, "ada", "admin");
    let mut bob = with_role(server, "bob", "msa");
    let token = bob.sign_in_for_tokens("bob").field("access_token");
    let authorization = format!("Bearer {token}");
    let mut program = Browser::of(server);
    for _ in 0..2 {
        let check = r#"{"resource":"report","action":"read"}"#;
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        let answer = program.send("POST", "/api/authz/check", &headers, check);
        assert!(answer.text.contains("\"allowed\":false"), "{}", answer.text);
    }
    server.clock().advance(Duration::from_secs(60));
    let proposed = submit(&mut admin, "/console/admin/matrix/versions", &[("text", &generous())]);
    assert_eq!(location(&proposed), "/console/admin/matrix?compare=2");
    admin
}

/// The recorded replays.
fn replays(admin: &mut Browser) -> usize {
    let log = admin.get("/console/admin/audit?kind=matrix_replayed", &[]);
    log.text.matches("<th scope=\"row\"").count()
}

#[test]
fn a_replay_shows_its_progress_and_what_would_change() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = asked(&server);
        let versions = admin.get("/console/admin/matrix/versions", &[]);
        let path = "/console/admin/matrix/replay?version=2";
        assert!(versions.text.contains(&format!("href=\"{path}\"")), "{}", versions.text);
        let form = admin.get(path, &[]);
        assert!(form.status == 200 && !form.text.contains("<progress"), "{}", form.text);

        let result = "/console/admin/matrix/replay/result?version=2";
        let page = admin.get(&format!("{result}&days=1"), &[]);
        assert_eq!(page.status, 200);
        let steps = page.text.matches("<progress max=\"100\"").count();
        assert!((1..=100).contains(&steps), "{steps} steps in {}", page.text);
        let result = page.text.rsplit("<progress").next().expect("what follows the progress");
        for part in ["<dd>2</dd></div>", "msa", "report read", "granted</span>"] {
            assert!(result.contains(part), "{part} in {result}");
        }
        assert!(result.trim_end().ends_with("</html>"), "{result}");
        assert_eq!(replays(&mut admin), 1);

        let same = admin.get("/console/admin/matrix/replay/result?version=1&days=7", &[]);
        assert!(same.text.contains("No recorded decision would change"), "{}", same.text);
    });
}

#[test]
fn nothing_but_a_page_of_this_server_starts_a_replay() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = asked(&server);
    let path = "/console/admin/matrix/replay/result?version=2&days=30";
    let shown: Answer = admin.get(path, &[("sec-fetch-site", "cross-site")]);
    assert!(shown.status == 200 && !shown.text.contains("<progress"), "{}", shown.text);
    for wrong in ["version=2&days=31", "version=2&days=-1", "version=2&days=x", "version=2"] {
        let shown = admin.get(&format!("/console/admin/matrix/replay/result?{wrong}"), &[]);
        assert!(shown.status == 200 && !shown.text.contains("<progress"), "{}", shown.text);
    }
    for wrong in ["version=3&days=7", "version=x", ""] {
        assert_eq!(admin.get(&format!("/console/admin/matrix/replay?{wrong}"), &[]).status, 404);
    }
    assert_eq!(replays(&mut admin), 0);
}

/// Multiplies the largest block of recorded decisions, over the week before it.
fn multiply_decisions(server: &TestServer) {
    let token = Browser::of(server).sign_in_for_tokens("bob").field("access_token");
    let authorization = format!("Bearer {token}");
    let items = vec![json!({ "resource": "report", "action": "read" }); 1_000];
    let headers = [("authorization", &*authorization), ("content-type", "application/json")];
    let asked = Browser::of(server).send(
        "POST",
        "/api/authz/check/batch",
        &headers,
        &json!({ "items": items }).to_string(),
    );
    assert_eq!(asked.status, 200, "{}", asked.text);
    let copies = "WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < 1000) \
        INSERT INTO decision_blocks \
        SELECT chain, 1000000 + n, 1000000000 + n * count, count, from_at - n * 600000000, \
               until_at - n * 600000000, link, filter, payload \
        FROM copies, (SELECT * FROM decision_blocks ORDER BY count DESC LIMIT 1)";
    server.database().store().execute(copies).expect("the block is there");
}

/// Asks for a page and reads it up to its first line of progress.
fn begin(server: &TestServer, browser: &mut Browser, path: &str) -> TcpStream {
    let address = server.origin().trim_start_matches("http://");
    let cookies = browser.cookies().iter().map(|(name, value)| format!("{name}={value}"));
    let cookies = cookies.collect::<Vec<_>>().join("; ");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookies}\r\n\r\n")
        .expect("the server reads");
    let (mut page, mut part) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&page).contains("<progress") {
        let count = stream.read(&mut part).expect("the server writes");
        assert!(count > 0, "{}", String::from_utf8_lossy(&page));
        page.extend_from_slice(&part[..count]);
    }
    stream
}

#[test]
fn to_leave_the_page_cancels_the_replay_on_the_server() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = asked(&server);
    multiply_decisions(&server);
    server.clock().advance(Duration::from_secs(60));
    let result = "/console/admin/matrix/replay/result?version=2";
    let long = format!("{result}&days=7");
    let reader = begin(&server, &mut admin, &long);
    let refused = admin.get(&long, &[]);
    assert_eq!(refused.status, 503, "it has the place of the account: {}", refused.text);
    assert_eq!(replays(&mut admin), 0, "it goes on");
    drop(reader);
    // The place is free again, long before all decisions are read.
    let clock = SystemClock::new();
    let short = loop {
        let answer = admin.get(&format!("{result}&days=1"), &[]);
        if answer.status == 200 {
            break answer;
        }
        assert!(clock.monotonic() < Duration::from_secs(60), "{}", answer.text);
    };
    assert!(short.text.trim_end().ends_with("</html>"), "{}", short.text);
    assert_eq!(replays(&mut admin), 1, "only the one that was read to its end is recorded");
}

#[test]
fn a_roll_back_activates_the_previous_version_once() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = asked(&server);
        let versions = "/console/admin/matrix/versions";
        let back = format!("{versions}/roll-back");
        assert!(!admin.get(versions, &[]).text.contains(&back));
        let refused = submit(&mut admin, &back, &[("revision", "1")]);
        assert!(
            refused.status == 409 && refused.text.contains("id=\"faults\""),
            "{}",
            refused.text
        );
        submit(&mut admin, &format!("{versions}/activate"), &[("version", "2")]);
        let in_force = |admin: &mut Browser| {
            let page = admin.get(versions, &[]);
            let row = page.text.split("<tr>").find(|row| row.contains("in force"));
            row.and_then(|row| row.split('>').nth(1)?.split(' ').next()).map(str::to_owned)
        };
        assert_eq!(in_force(&mut admin).as_deref(), Some("2"));
        assert!(admin.get(versions, &[]).text.contains(&back));
        let seen = crate::form::value(&admin.get(versions, &[]), "revision");
        let mut press = || submit(&mut admin, &back, &[("revision", &seen)]);
        assert_eq!(location(&press()), versions);
        let again = press();
        assert!(
            again.status == 409 && again.text.contains("another one is in force"),
            "{}",
            again.text
        );
        assert_eq!(in_force(&mut admin).as_deref(), Some("1"), "a second press restores nothing");
    });
}
