//! Cursors of the audit log: every read is recorded, and a cursor belongs to its reader and search.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_testkit::{Browser, TestDatabase, TestServer};
use serde_json::Value;

use crate::member::Member;

#[test]
fn a_made_up_cursor_reads_nothing() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    // The cursor of an earlier version: version, time, kind and id of the last entry.
    let mut crafted = vec![1];
    crafted.extend(i64::MAX.to_be_bytes());
    crafted.push(1);
    crafted.extend([0xff; 16]);
    let plain = URL_SAFE_NO_PAD.encode(crafted);
    for cursor in [plain.clone(), format!("{plain}."), format!("{plain}.{}", "A".repeat(22))] {
        let answer = admin.get(&format!("/api/admin/audit?cursor={cursor}"));
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{cursor}");
        assert!(!answer.text.contains("items"), "{}", answer.text);
    }
}

#[test]
fn a_cursor_goes_on_with_the_recorded_search_of_its_reader_alone() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (grace, hugo) =
            (Member::new(&server, "grace", "admin"), Member::new(&server, "hugo", "admin"));
        (0..4).for_each(|_| drop(grace.check("schedule", "read")));
        let path = "/api/admin/audit?resource=schedule&limit=2";
        let cursor = grace.get(path).field("next_cursor");
        let on = |path: &str| format!("{path}&cursor={cursor}");
        assert_eq!(grace.get(&on(path)).status, 200);
        assert_eq!(grace.get(&on(&path.replace("limit=2", "limit=200"))).status, 200);
        for (member, path) in [
            (&hugo, path),
            (&grace, "/api/admin/audit?resource=report&limit=2"),
            (&grace, "/api/admin/audit?limit=2"),
            (&grace, "/api/admin/audit?resource=schedule&kind=permission_check"),
        ] {
            let answer = member.get(&on(path));
            assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{path}");
        }
        let searched = grace.get("/api/admin/audit?kind=audit_searched");
        assert_eq!(searched.json()["items"].as_array().expect("items").len(), 2);
    });
}

#[test]
fn a_search_for_an_account_shows_each_of_its_refreshes() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let mut browser = Browser::of(&server);
        let subject = browser.register("ada").field("id");
        server.clock().advance(Duration::from_secs(1));
        let signed_in = browser.sign_in("ada");
        let mut token = signed_in.field("refresh_token");
        for _ in 0..3 {
            server.clock().advance(Duration::from_secs(60));
            token = browser.refresh(&token).field("refresh_token");
        }
        let search = |query: &str| {
            let answer = admin.get(&format!("/api/admin/audit?{query}"));
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.json()["items"].as_array().expect("items").clone()
        };
        let found = search(&format!("kind=refresh&subject={subject}"));
        assert_eq!(found.len(), 3);
        for entry in &found {
            assert_eq!(entry["actor"], subject, "{entry}");
            assert_eq!(entry["session"], signed_in.json()["session_id"]);
            assert_eq!(
                (&*entry["outcome"].to_string(), &*entry["address"].to_string()),
                ("\"success\"", "\"127.0.0.1\"")
            );
        }
        // All entries of the account, in order and page by page. Each search that names the account is
        // itself an entry about it.
        let done = |entries: Vec<Value>| -> Vec<Value> {
            entries.into_iter().filter(|entry| entry["kind"] != "audit_searched").collect()
        };
        let all = done(search(&format!("subject={subject}&limit=200")));
        let mut kinds: Vec<&str> = all.iter().filter_map(|entry| entry["kind"].as_str()).collect();
        // The sign-in and its assessment are of one moment.
        kinds.retain(|kind| *kind != "sign_in_assessed");
        assert_eq!(kinds, ["refresh", "refresh", "refresh", "sign_in", "registration"]);
        let mut paged = Vec::new();
        let mut path = format!("/api/admin/audit?subject={subject}&limit=2");
        loop {
            let page = admin.get(&path);
            paged.extend(page.json()["items"].as_array().expect("items").clone());
            let Some(link) = page.header("link") else { break };
            let next = link.split(['<', '>']).nth(1).expect("a link to the next page");
            path = next.to_owned();
        }
        assert_eq!(done(paged), all);
        assert!(search("kind=sign_in").iter().all(|entry| entry["kind"] == "sign_in"));
        let nobody = admin.get("/api/admin/audit?kind=refresh");
        assert_eq!((nobody.status, nobody.code().as_str()), (400, "invalid_request"));
    });
}
