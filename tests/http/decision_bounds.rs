//! Limits of permission checks: size of a check, and share of the recording queue per account.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::audit::recording::RecordingPolicy;
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;

/// The timeout, long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn a_question_that_is_too_large_is_refused_and_named() {
    let server = TestServer::start(TestDatabase::sqlite());
    let msa = Member::new(&server, "ada", "msa");
    let attributes = |bytes: usize| json!({ "a": "x".repeat(bytes - 8) });
    let small = json!({ "owner_id": "o".repeat(256), "parties": vec!["p".repeat(60); 32],
        "attributes": attributes(1_900) });
    for (context, fault) in [
        (small, None),
        (json!({ "attributes": attributes(4_096) }), None),
        (json!({ "attributes": attributes(4_097) }), Some((".attributes", "too_large"))),
        (json!({ "attributes": { "a": vec![0; 3_000] } }), Some((".attributes", "too_large"))),
        (json!({ "parties": vec![""; 33] }), Some((".parties", "wrong_count"))),
        (json!({ "parties": vec!["p".repeat(200); 32] }), Some(("", "too_large"))),
        (json!({ "owner_id": "o", "attributes": attributes(4_096) }), Some(("", "too_large"))),
    ] {
        let question = json!({ "resource": "schedule", "action": "read", "context": context });
        let plain = json!({ "resource": "schedule", "action": "read" });
        let batch = json!({ "items": [plain, question] });
        for (path, body, place) in
            [("/api/authz/check", &question, ""), ("/api/authz/check/batch", &batch, "items[1].")]
        {
            let answer = msa.post(path, body);
            match fault {
                None => assert_eq!(answer.status, 200, "{}", answer.text),
                Some((field, code)) => {
                    let refused = (422, "question_too_large");
                    assert_eq!((answer.status, answer.code().as_str()), refused, "{body:.80}");
                    let expected = (format!("{place}context{field}"), code.to_owned());
                    assert_eq!(faults(&answer), [expected]);
                }
            }
        }
    }
}

#[test]
fn each_question_of_a_batch_that_is_too_large_is_named() {
    let server = TestServer::start(TestDatabase::sqlite());
    let msa = Member::new(&server, "ada", "msa");
    let item = |number: usize| {
        let bytes = if number.is_multiple_of(2) { 1 } else { 5_000 };
        json!({ "resource": "schedule", "action": "read",
            "context": { "attributes": { "a": "x".repeat(bytes) } } })
    };
    let items: Vec<Value> = (0..6).map(item).collect();
    let answer = msa.post("/api/authz/check/batch", &json!({ "items": items }));
    let named: Vec<String> = faults(&answer).into_iter().map(|(field, _)| field).collect();
    assert_eq!(named, [1, 3, 5].map(|number| format!("items[{number}].context.attributes")));
}

#[test]
fn one_account_has_a_share_of_the_batches_and_leaves_the_others_theirs() {
    let server = TestServer::start(TestDatabase::sqlite());
    let (greedy, other) = (Member::new(&server, "ada", "msa"), Member::new(&server, "bob", "msa"));
    let address = server.origin().strip_prefix("http://").expect("the server speaks HTTP");
    // Each request is admitted, and then its body does not arrive.
    let head = format!(
        "POST /api/authz/check/batch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{{",
        greedy.token
    );
    let open = |_| {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.write_all(head.as_bytes()).expect("the server reads");
        stream
    };
    let unfinished: Vec<TcpStream> = (0..40).map(open).collect();
    let batch = json!({ "items": [{ "resource": "schedule", "action": "read" }] });
    let batch = format!("{batch}{}", " ".repeat(500_000));
    let json = [("content-type", "application/json")];
    let ask = |member: &Member| member.send("POST", "/api/authz/check/batch", &json, &batch);
    // Wait until all of them have been admitted.
    let clock = SystemClock::new();
    let mut tries = std::iter::from_fn(|| (clock.monotonic() < TIMEOUT).then(|| ask(&greedy)));
    let busy = tries.find(|answer| answer.status != 200);
    let busy = busy.expect("the share of one account is limited");
    assert_eq!((busy.status, busy.code().as_str()), (503, "busy"));
    assert_eq!(busy.header("retry-after"), Some("1"));
    assert_eq!(ask(&other).status, 200);
    assert_eq!(greedy.check("schedule", "read").status, 200, "single checks are no batches");
    drop(unfinished);
    let mut tries = std::iter::from_fn(|| (clock.monotonic() < 2 * TIMEOUT).then(|| ask(&greedy)));
    assert!(tries.any(|answer| answer.status == 200), "places come back");
}

#[test]
fn a_node_that_records_nothing_is_not_ready_until_it_does() {
    TestDatabase::on_both(|database| {
        let is_postgres = database.url().starts_with("postgres");
        let recording = RecordingPolicy::default();
        let server =
            TestServer::with(database, TestSettings { recording, ..TestSettings::default() });
        let member = Member::new(&server, "ada", "msa");
        let ready = || Browser::of(&server).get("/health/ready", &[]);
        let store = server.database().store();
        let refuse = if is_postgres {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON decision_blocks
             FOR EACH ROW EXECUTE FUNCTION refuse()"
        } else {
            "CREATE TRIGGER refuse BEFORE INSERT ON decision_blocks
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        };
        store.execute(refuse).expect("the database obeys");
        assert_eq!(member.check("schedule", "read").status, 200);
        server.clock().advance(Duration::from_secs(5));
        let answer = ready();
        assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
        assert!(answer.field("detail").contains("recorded"), "{}", answer.text);
        let accept = if is_postgres {
            "DROP TRIGGER refuse ON decision_blocks"
        } else {
            "DROP TRIGGER refuse"
        };
        store.execute(accept).expect("the database obeys");
        // Each of these waits until it and all earlier ones are stored.
        assert!((0..30).any(|_| member.check("schedule", "read").status == 200));
        assert_eq!(ready().status, 200);
    });
}
