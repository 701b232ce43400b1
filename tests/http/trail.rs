//! The audit log over HTTP: search, pages, export.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;
use crate::wire;

#[test]
fn a_search_finds_by_each_of_its_keys() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (admin, msa) =
            (Member::new(&server, "grace", "admin"), Member::new(&server, "ada", "msa"));
        Browser::of(&server).sign_in_with("ada", "not the password of ada");
        msa.check("report", "read");
        let account = msa.account;
        for (query, kind, outcome) in [
            (format!("subject={account}&outcome=wrong_password"), "sign_in", "wrong_password"),
            (format!("actor={account}&kind=permission_check"), "permission_check", "denied"),
            ("resource=report".to_owned(), "permission_check", "denied"),
            (format!("subject={account}&kind=account_created"), "account_created", "success"),
            ("kind=bootstrap".to_owned(), "", ""),
            (format!("actor={account}&from=2027-01-15T08:00:01Z"), "", ""),
            (format!("actor={account}&until=2027-01-15T09:00:00%2B01:00"), "", ""),
            (format!("actor={account}&address=192.0.2.99"), "", ""),
            (
                "resource=report&address=127.0.0.1&until=2027-01-15T08:00:01Z".to_owned(),
                "permission_check",
                "denied",
            ),
        ] {
            let answer = admin.get(&format!("/api/admin/audit?{query}"));
            assert_eq!(answer.status, 200, "{query}");
            let found: Vec<(String, String)> = items(&answer)
                .iter()
                .map(|item| (text(item, "kind"), text(item, "outcome")))
                .collect();
            let expected = (kind.to_owned(), outcome.to_owned());
            let expected = if kind.is_empty() { vec![] } else { vec![expected] };
            assert_eq!(found, expected, "{query}");
        }
    });
}

#[test]
fn an_event_names_the_request_it_came_by() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let answer = Browser::of(&server).sign_in_with("grace", "not her password");
    let found = admin.get("/api/admin/audit?kind=sign_in&outcome=wrong_password");
    assert_eq!(items(&found)[0]["request_id"].as_str(), answer.header("x-request-id"));
}

#[test]
fn pages_neither_overlap_nor_leave_gaps_and_link_leads_through_them() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        ask(&admin, 25);
        let until = "until=2027-01-16T00:00:00Z&actor=";
        let all = admin
            .get(&format!("/api/admin/audit?{until}{}&resource=schedule&limit=200", admin.account));
        assert_eq!((items(&all).len(), &all.json()["next_cursor"]), (25, &Value::Null));
        assert_eq!(all.header("link"), None);

        let mut path =
            format!("/api/admin/audit?{until}{}&resource=schedule&limit=10", admin.account);
        let mut pages = Vec::new();
        loop {
            let page = admin.get(&path);
            pages.push(items(&page));
            let Some(link) = page.header("link") else { break };
            let next = link.strip_suffix("; rel=\"next\"").expect("a link to the next page");
            assert!(next.contains(&page.field("next_cursor")), "{link}");
            path = next.trim_matches(['<', '>']).to_owned();
        }
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
        assert_eq!(pages.concat(), items(&all));
        let searched = admin.get("/api/admin/audit?kind=audit_searched");
        assert_eq!(items(&searched).len(), 3, "first pages are recorded, this one too");
    });
}

#[test]
fn a_query_that_is_not_understood_is_refused_with_what_would_be() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let cursor = "AQAGVZdW-eAAAABfHJp-QNK4NgAAAAAAAAAA";
    for (query, key, code, hint) in [
        ("role=msa", "role", "unknown", "outcome"),
        ("kind=sign-in", "kind", "malformed", "sign_in"),
        ("outcome=ok", "outcome", "malformed", "wrong_password"),
        ("kind=sign_in&kind=sign_in", "kind", "duplicate", "once"),
        ("from=yesterday", "from", "malformed", "2027-01-15T08:00:00Z"),
        ("until=", "until", "malformed", "2027-01-15T08:00:00Z"),
        (
            "from=2027-01-15T08:00:00Z&until=2027-01-15T08:00:00Z",
            "until",
            "not_after_from",
            "after that of `from`",
        ),
        ("actor=ada", "actor", "malformed", "account"),
        ("address=10.0.0.0/8", "address", "malformed", "IPv4"),
        ("resource=%00", "resource", "forbidden_character", "control"),
        ("resource=%ff", "resource", "forbidden_character", "control"),
        ("limit=0", "limit", "malformed", "1 to 200"),
        ("limit=201", "limit", "malformed", "1 to 200"),
        ("limit=-1", "limit", "malformed", "1 to 200"),
        ("cursor=", "cursor", "malformed", "next_cursor"),
        ("cursor=AAAA", "cursor", "malformed", "next_cursor"),
        (&format!("cursor={cursor}A"), "cursor", "malformed", "next_cursor"),
    ] {
        let answer = admin.get(&format!("/api/admin/audit?{query}"));
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{query}");
        assert_eq!(faults(&answer), [(key.to_owned(), code.to_owned())], "{query}");
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(message.contains(hint), "{query}: {message}");
    }
    let several = admin.get("/api/admin/audit?kind=x&outcome=y&limit=z");
    assert_eq!(faults(&several).len(), 3, "all faults at once");
    let format = admin.get("/api/admin/audit/export?format=xls");
    assert!(format.text.contains("jsonl"));
    assert_eq!(admin.get("/api/admin/audit/export?limit=5").code(), "invalid_request");
}

#[test]
fn an_export_holds_what_the_pages_of_a_search_show() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        ask(&admin, 3_000);
        let filter = format!("resource=schedule&actor={}", admin.account);
        let mut shown = Vec::new();
        let mut path = format!("/api/admin/audit?{filter}&limit=200");
        loop {
            let page = admin.get(&path);
            shown.extend(items(&page));
            let Value::String(cursor) = &page.json()["next_cursor"] else { break };
            path = format!("/api/admin/audit?{filter}&limit=200&cursor={cursor}");
        }
        assert_eq!(shown.len(), 3_000);

        let lines = admin.get(&format!("/api/admin/audit/export?format=jsonl&{filter}"));
        assert_eq!(lines.header("content-type"), Some("application/jsonl"));
        assert_eq!(
            lines.header("content-disposition"),
            Some("attachment; filename=\"audit-20270115T080000Z.jsonl\"")
        );
        let exported: Vec<Value> = lines
            .text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect();
        assert_eq!(exported, shown);

        let table = admin.get(&format!("/api/admin/audit/export?{filter}"));
        assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
        let rows: Vec<&str> = table.text.split("\r\n").collect();
        assert_eq!(rows.len(), 1 + 3_000 + 1);
        for (row, entry) in rows[1..].iter().zip(&shown) {
            assert_eq!(row.split(',').nth(1), entry["id"].as_str());
        }
        let recorded = admin.get("/api/admin/audit?kind=audit_exported");
        assert_eq!(items(&recorded).len(), 2);
        let nothing = admin.get("/api/admin/audit/export?format=jsonl&kind=bootstrap");
        assert_eq!((nothing.status, nothing.text.as_str()), (200, ""));
    });
}

#[test]
fn no_cell_of_an_export_is_a_formula() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let headers = [("content-type", "application/json"), ("user-agent", "=cmd|' /C calc'!A1")];
    let body = json!({ "resource": "+schedule", "action": "@read" }).to_string();
    admin.send("POST", "/api/authz/check", &headers, &body);
    let table = admin.get("/api/admin/audit/export?resource=%2Bschedule").text;
    for cell in ["'=cmd|' /C calc'!A1", "'+schedule", "'@read"] {
        assert!(table.contains(&format!(",{cell},")), "{table}");
    }
}

#[test]
fn an_export_that_fails_on_its_way_breaks_off_and_does_not_look_complete() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    ask(&admin, 1);
    server.clock().advance(Duration::from_secs(1));
    ask(&admin, 2_000);
    let damage = |which: &str| {
        let damage = format!("UPDATE decision_blocks SET payload = x'00' {which}");
        server.database().store().execute(&damage).expect("the database obeys");
    };
    damage("WHERE first_ordinal = 1");
    let bytes = export(&server, &admin, "format=jsonl&resource=schedule");
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("transfer-encoding: chunked"));
    assert!(text.matches("\"resource\":\"schedule\"").count() > 100);
    assert!(!text.ends_with("0\r\n\r\n"), "the last chunk is missing");

    damage("");
    let answer = admin.get("/api/admin/audit/export?resource=schedule");
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"), "before it begins");
}

#[test]
fn a_client_that_goes_away_ends_its_export() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    for _ in 0..20 {
        ask(&admin, 1_000);
    }
    let address = server.origin().strip_prefix("http://").expect("the server speaks HTTP");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(request(&admin, "format=jsonl").as_bytes()).expect("the server reads");
    let mut beginning = [0; 1024];
    stream.read_exact(&mut beginning).expect("the server answers");
    drop(stream);
    let clock = SystemClock::new();
    drop(server);
    // A thread that still ran would delay the end of the server by half a minute.
    assert!(clock.monotonic().as_secs() < 15, "{:?}", clock.monotonic());
}

/// Sends the given number of permission checks, all granted.
fn ask(member: &Member, count: usize) {
    for count in (0..count).step_by(1_000).map(|done| (count - done).min(1_000)) {
        let items = vec![json!({ "resource": "schedule", "action": "read" }); count];
        let answer = member.post("/api/authz/check/batch", &json!({ "items": items }));
        assert_eq!(answer.status, 200);
    }
}

fn export(server: &TestServer, member: &Member, query: &str) -> Vec<u8> {
    wire::exchange(server, request(member, query).as_bytes()).into_bytes()
}

fn request(member: &Member, query: &str) -> String {
    format!(
        "GET /api/admin/audit/export?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         authorization: Bearer {}\r\n\r\n",
        member.token
    )
}

fn items(answer: &Answer) -> Vec<Value> {
    answer.json()["items"].as_array().cloned().unwrap_or_else(|| panic!("{}", answer.text))
}

fn text(item: &Value, name: &str) -> String {
    item[name].as_str().unwrap_or_default().to_owned()
}
