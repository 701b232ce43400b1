//! The feed of revocations: pages and stream.

use std::time::Duration;

use portcullis_flows::node::revocation::Revocations;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_testkit::{Browser, SERVICE, TestDatabase, TestServer, TestSettings};
use serde_json::Value;

use crate::follower::{Follower, ask, basic};
use crate::member::Member;

#[test]
fn pages_lead_from_the_beginning_to_the_end_and_on() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ended: Vec<String> = (0..5).map(|number| sign_in_and_out(&server, number)).collect();
        until_followed(&server, 5);

        let (mut seen, mut cursor) = (Vec::new(), "0".to_owned());
        for (count, is_last) in [(2, false), (2, false), (1, true), (0, true)] {
            let page = ask(&server, &format!("/api/revocations?after={cursor}&limit=2"));
            assert_eq!(page.status, 200, "{}", page.text);
            seen.extend(sessions(&page.json()["items"]));
            assert_eq!(page.json()["items"].as_array().map(Vec::len), Some(count));
            assert_eq!(page.json()["as_of"].is_string(), is_last);
            let next = page.field("next_cursor");
            assert_eq!(next == cursor, count == 0);
            cursor = next;
        }
        assert_eq!(seen, ended, "each once, in the order in which they ended");

        let more = sign_in_and_out(&server, 5);
        until_followed(&server, 6);
        let page = ask(&server, &format!("/api/revocations?after={cursor}")).json();
        assert_eq!(sessions(&page["items"]), [more]);
        let whole = ask(&server, "/api/revocations").json();
        assert_eq!(whole["items"].as_array().map(Vec::len), Some(6));
        let expires_at = whole["items"][0]["exp"].as_i64().expect("a time");
        assert!((1_800_001_800..1_800_001_900).contains(&expires_at), "{expires_at}");
    });
}

#[test]
fn a_stream_tells_what_was_and_what_comes_and_goes_on_where_it_broke_off() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let first = sign_in_and_out(&server, 0);
        let mut follower = Follower::after(&server, "0");
        let (entries, cursor) = follower.entries();
        assert_eq!(sessions(&entries.into()), [first]);
        let second = sign_in_and_out(&server, 1);
        assert_eq!(sessions(&follower.entries().0.into()), [second.as_str()]);

        let third = sign_in_and_out(&server, 2);
        let id = format!("last-event-id: {cursor}");
        for _ in ["from memory", "from the database"] {
            let mut follower = Follower::send(&server, "/api/revocations?after=0", &[&id]);
            let mut seen = Vec::new();
            while seen.len() < 2 {
                let event = follower.next();
                if event.name == "revoked" {
                    seen.extend(sessions(&event.data));
                }
            }
            assert_eq!(seen, [second.as_str(), third.as_str()]);
            server.restart();
        }
    });
}

#[test]
fn every_second_a_follower_learns_up_to_when_it_knows_everything() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut follower = Follower::after(&server, "0");
    let beat = follower.heartbeat();
    assert_eq!(beat["cursor"], "0");
    assert!(beat["as_of"].as_str().is_some_and(|time| time.starts_with("2027-01-15T08:00:00")));
    sign_in_and_out(&server, 0);
    let (_, cursor) = follower.entries();
    server.clock().advance(Duration::from_secs(60));
    let is_late = |beat: &Value| {
        beat["as_of"].as_str().is_some_and(|time| time.starts_with("2027-01-15T08:01:00"))
    };
    let beat = std::iter::repeat_with(|| follower.heartbeat()).find(is_late).expect("it comes");
    assert_eq!(beat["cursor"], cursor.as_str());
}

#[test]
fn a_cursor_of_another_history_or_of_what_was_removed_is_gone() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        (0..3).for_each(|number| drop(sign_in_and_out(&server, number)));
        until_followed(&server, 3);
        let page = ask(&server, "/api/revocations?limit=1").json();
        let cursor = page["next_cursor"].as_str().expect("there is one").to_owned();
        let (position, mark) = cursor.split_once('.').expect("two parts");
        let flipped = u32::from_str_radix(mark, 16).expect("hexadecimal") ^ 1;
        let other = format!("{position}.{flipped:08x}");
        let ahead = format!("9.{mark}");
        for cursor in [&other, &ahead] {
            assert_gone(&server, cursor, PAGE);
            assert_gone(&server, cursor, STREAM);
        }
        assert_eq!(ask(&server, &format!("/api/revocations?after={cursor}")).status, 200);

        let node = server.of_node::<Revocations>();
        server.clock().advance(Duration::from_secs(3 * 60 * 60));
        node.purge().expect("the database answers");
        // A stream would still be served from the memory of this node.
        assert_gone(&server, &cursor, PAGE);
        assert_gone(&server, "0", PAGE);
        assert_gone(&server, "0", STREAM);
    });
}

#[test]
fn what_is_no_cursor_or_no_number_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite());
    for query in ["after=", "after=1", "after=-1", "after=1.5f1c9a7E", "limit=0", "limit=5001"] {
        let answer = ask(&server, &format!("/api/revocations?{query}"));
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{query}");
    }
    let service = basic(SERVICE.0, SERVICE.1);
    let headers = [
        ("authorization", service.as_str()),
        ("accept", "text/html, text/event-stream;q=0.9"),
        ("last-event-id", "yesterday"),
    ];
    let answer = Browser::of(&server).get("/api/revocations", &headers);
    assert_eq!(answer.json()["errors"][0]["field"], "Last-Event-ID");
    let head = Browser::of(&server).send("HEAD", "/api/revocations", &headers[..2], "");
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
}

#[test]
fn a_stream_is_for_those_who_prefer_one() {
    let server = TestServer::start(TestDatabase::sqlite());
    let service = basic(SERVICE.0, SERVICE.1);
    for (accept, expected) in [
        ("text/event-stream", STREAM),
        ("Text/Event-Stream; charset=utf-8, */*;q=0.1", STREAM),
        ("application/json;q=0.5, text/event-stream;q=0.6", STREAM),
        ("application/json, text/event-stream;q=0.9", PAGE),
        ("text/event-stream;q=0.1, */*", PAGE),
        ("text/event-stream, application/*;q=0.2, */*", STREAM),
        ("text/event-stream;q=0", PAGE),
        ("*/*", PAGE),
        (";;,", PAGE),
    ] {
        // Nothing was read yet: a client without an id sends an empty one.
        let headers =
            [("authorization", service.as_str()), ("accept", accept), ("last-event-id", "")];
        let head = Browser::of(&server).send("HEAD", "/api/revocations", &headers, "");
        assert_eq!((head.status, head.header("content-type")), (200, Some(expected)), "{accept}");
    }
}

#[test]
fn only_services_with_their_own_secret_are_told() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "root", "admin");
    let (name, secret) = SERVICE;
    let cut = &secret[..secret.len() - 1];
    let shown = [
        None,
        Some(basic(name, cut)),
        Some(basic(name, "")),
        Some(basic("payroll", secret)),
        Some(basic("", secret)),
        Some(format!("Bearer {cut}")),
        Some(format!("Bearer {}", admin.token)),
        Some("Basic !".to_owned()),
        Some("Bearer".to_owned()),
        Some(format!("Digest {secret}")),
    ];
    for path in ["/api/revocations", "/api/revocations/snapshot"] {
        for shown in &shown {
            let headers: Vec<(&str, &str)> =
                shown.iter().map(|value| ("authorization", value.as_str())).collect();
            let answer = Browser::of(&server).get(path, &headers);
            let verdict = (answer.status, answer.code());
            assert_eq!(verdict, (401, "invalid_service_credential".to_owned()), "{shown:?}");
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, Some(r#"Basic realm="portcullis", Bearer realm="portcullis""#));
        }
        for shown in [basic(name, secret), format!("bearer {secret}")] {
            let answer = Browser::of(&server).get(path, &[("authorization", &shown)]);
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
}

#[test]
fn a_token_of_a_longer_life_stays_revoked_though_the_life_of_tokens_was_shortened_and_purges_ran() {
    TestDatabase::on_both(|database| {
        let living = |minutes: u64| {
            let life = Duration::from_secs(60 * minutes);
            let sessions = SessionPolicy { access_lifetime: life, ..SessionPolicy::default() };
            let settings = TestSettings { sessions, ..TestSettings::default() };
            TestServer::with(database.shared(), settings)
        };
        let before = living(120);
        let mut browser = Browser::of(&before);
        browser.register("ada");
        let token = browser.sign_in_for_tokens("ada").field("access_token");
        drop(before);
        let short = living(5);
        let end = "/api/auth/logout/all";
        let again = Browser::of(&short).sign_in_for_tokens("ada").field("access_token");
        let bearer = format!("Bearer {again}");
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(Browser::of(&short).send("POST", end, &headers, "").status, 204);
        until_followed(&short, 2);
        for _ in 0..3 {
            database.clock().advance(Duration::from_secs(30 * 60));
            short.of_node::<Revocations>().purge().expect("the database answers");
        }
        drop(short);
        let long = living(120);
        let answer = Browser::of(&long).get_as("/api/auth/me", &token);
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"));
    });
}

/// 120,000 entries are more than sockets and buffers hold, and more than a node keeps in memory.
#[test]
fn who_does_not_read_holds_back_nobody_and_still_misses_nothing() {
    const MANY: usize = 120_000;
    let server = TestServer::start(TestDatabase::postgres());
    let mut slow = Follower::after(&server, "0");
    let mut quick = Follower::after(&server, "0");
    let insert = format!(
        "INSERT INTO revocations (id, kind, target, until, recorded_at) \
         SELECT gen_random_uuid(), 'session', gen_random_uuid(), '2100-01-01', '2027-01-01' \
         FROM generate_series(1, {MANY})"
    );
    server.database().store().execute(&insert).expect("the database takes them");
    let count = |follower: &mut Follower| {
        let mut seen = 0;
        while seen < MANY {
            seen += follower.entries().0.len();
        }
        seen
    };
    assert_eq!(count(&mut quick), MANY);
    let last = sign_in_and_out(&server, 0);
    assert_eq!(sessions(&quick.entries().0.into()), [last.as_str()]);

    assert_eq!(count(&mut slow), MANY);
    assert_eq!(sessions(&slow.entries().0.into()), [last.as_str()]);
    quick.heartbeat();
}

/// Returns the session that has ended.
fn sign_in_and_out(server: &TestServer, number: usize) -> String {
    let mut browser = Browser::of(server);
    let name = format!("user{number}");
    browser.register(&name);
    let signed_in = browser.sign_in_for_tokens(&name);
    let bearer = format!("Bearer {}", signed_in.field("access_token"));
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(browser.send("POST", "/api/auth/logout", &headers, "").status, 204);
    signed_in.field("session_id")
}

/// Waits until the server has numbered the given count of entries.
fn until_followed(server: &TestServer, count: usize) {
    while ask(server, "/api/revocations").json()["items"].as_array().map(Vec::len) < Some(count) {
        std::thread::yield_now();
    }
}

fn sessions(entries: &Value) -> Vec<String> {
    let entries = entries.as_array().expect("a list").iter();
    entries.map(|entry| entry["sid"].as_str().expect("a session").to_owned()).collect()
}

const PAGE: &str = "application/json";
const STREAM: &str = "text/event-stream";

fn assert_gone(server: &TestServer, cursor: &str, accept: &str) {
    let path = format!("/api/revocations?after={cursor}");
    let service = basic(SERVICE.0, SERVICE.1);
    let headers = [("authorization", service.as_str()), ("accept", accept)];
    let answer = Browser::of(server).get(&path, &headers);
    assert_eq!((answer.status, answer.code().as_str()), (410, "cursor_expired"), "{cursor}");
}
