//! Permission checks of services: questions, answers, reasons and lookups by id.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_flows::audit::recording::RecordingPolicy;
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;

/// The words of reasons, beside the names of roles and conditions.
const REASON: &[&str] = &[
    "reason",
    "grant",
    "rule",
    "line",
    "role",
    "path",
    "not_own",
    "denied",
    "admin",
    "faculty",
    "condition",
    "owner",
    "context",
    "matrix",
    "missing",
    "unknown",
    "exist",
];

#[test]
fn a_check_tells_the_answer_and_an_id_and_nothing_else() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let faculty = Member::new(&server, "ada", "faculty");
        let (own, others) = (faculty.account.to_string(), "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13");
        for (resource, action, context, allowed) in [
            ("schedule", "read", json!({}), true),
            ("schedule", "delete", json!({}), false),
            ("absence", "update", json!({ "owner_id": own }), true),
            ("absence", "update", json!({ "owner_id": others }), false),
            ("absence", "update", json!({}), false),
            ("swap", "read", json!({ "parties": [others, own] }), true),
            ("swap", "read", json!({ "parties": [others] }), false),
            ("swap_request", "approve", json!({ "parties": [own], "owner_id": others }), true),
            ("swap_request", "approve", json!({ "parties": [own], "owner_id": own }), false),
            ("no such thing", "read", json!({}), false),
            (
                "schedule",
                "no such deed",
                json!({ "attributes": { "a": [1, { "b": null }] } }),
                false,
            ),
        ] {
            let body = json!({ "resource": resource, "action": action, "context": context });
            let answer = faculty.post("/api/authz/check", &body);
            assert_eq!(answer.status, 200, "{body}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.json()["allowed"], allowed, "{body}");
            assert_eq!(names(&answer), ["allowed", "decision_id"], "{body}");
            assert_no_reason(&answer);
        }
    });
}

#[test]
fn whoever_is_refused_a_route_learns_an_id_and_no_reason() {
    let server = TestServer::start(TestDatabase::sqlite());
    for role in ["msa", "coordinator"] {
        let member = Member::new(&server, role, role);
        for path in ["/api/admin/audit", "/api/admin/matrix/versions", "/api/admin/decisions/1-1"] {
            let answer = member.get(path);
            assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{path}");
            let mut body = answer.json();
            let id = body["decision_id"].take();
            assert!(id.as_str().is_some_and(|id| id.len() > 17), "{id}");
            assert_eq!(
                body["detail"],
                "Ask an administrator, and name the decision_id: the reason is kept under it."
            );
            body["detail"] = Value::Null;
            let text = body.to_string();
            assert_eq!(REASON.iter().find(|word| text.contains(**word)), None, "{text}");
        }
    }
}

#[test]
fn auditors_read_what_was_asked_by_whom_and_why_it_was_answered_so() {
    TestDatabase::on_both(|database| {
        let trusted_proxies = vec!["127.0.0.1/32".to_owned()];
        let settings = TestSettings { trusted_proxies, ..TestSettings::default() };
        let server = TestServer::with(database, settings);
        let (admin, msa) =
            (Member::new(&server, "grace", "admin"), Member::new(&server, "ada", "msa"));
        let body = json!({ "resource": "absence", "action": "update",
            "context": { "owner_id": "o", "parties": ["p"], "attributes": { "site": "north" } } });
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", "service/7"),
            ("x-request-id", "the-request-of-ada"),
        ];
        let answer = msa.send("POST", "/api/authz/check", &headers, &body.to_string());
        let id = answer.field("decision_id");
        let entry = admin.get(&format!("/api/admin/decisions/{id}"));
        assert_eq!(entry.status, 200);
        let entry = entry.json();
        let account = msa.account.to_string();
        for (member, expected) in [
            ("id", json!(id)),
            ("kind", json!("permission_check")),
            ("outcome", json!("denied")),
            ("actor", json!(account)),
            ("subject", json!(account)),
            ("address", json!("127.0.0.1")),
            ("user_agent", json!("service/7")),
            ("request_id", json!("the-request-of-ada")),
            ("role", json!("msa")),
            ("resource", json!("absence")),
            ("action", json!("update")),
            ("owner", json!("o")),
            ("parties", json!(["p"])),
            ("attributes", json!({ "site": "north" })),
            ("matrix_version", json!(1)),
            ("reason", json!("denied: no grant")),
        ] {
            assert_eq!(entry[member], expected, "{member}");
        }
        let found = admin.get(&format!("/api/admin/audit?resource=absence&subject={account}"));
        assert_eq!(found.json()["items"], json!([entry]));
        assert_eq!(msa.get(&format!("/api/admin/decisions/{id}")).code(), "forbidden");
    });
}

#[test]
fn an_id_that_names_no_stored_decision_is_not_found() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let id = admin.check("schedule", "read").field("decision_id");
    for other in ["1", "x", "00000000000000ff-1", &format!("{id}000"), &id.to_uppercase(), "%00"] {
        let answer = admin.get(&format!("/api/admin/decisions/{other}"));
        assert!(other == id || answer.status == 404, "{other}");
    }
}

#[test]
fn asking_about_others_takes_a_permission_of_its_own() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (admin, msa) =
            (Member::new(&server, "grace", "admin"), Member::new(&server, "ada", "msa"));
        let about = |subject: &str, resource: &str| json!({ "resource": resource, "action": "read", "subject": subject });
        let (ada, grace) = (msa.account.to_string(), admin.account.to_string());
        let answer = msa.post("/api/authz/check", &about(&grace, "schedule"));
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
        let entry = admin.get(&format!("/api/admin/decisions/{}", answer.field("decision_id")));
        assert_eq!(
            (entry.field("resource"), entry.field("action")),
            ("user".into(), "execute".into())
        );
        assert_eq!(msa.post("/api/authz/check", &about(&ada, "schedule")).json()["allowed"], true);

        let nobody = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11";
        for (subject, resource, allowed) in
            [(&*ada, "schedule", true), (&ada, "report", false), (nobody, "schedule", false)]
        {
            let answer = admin.post("/api/authz/check", &about(subject, resource));
            assert_eq!(answer.json()["allowed"], allowed, "{subject} {resource}");
            let entry = admin.get(&format!("/api/admin/decisions/{}", answer.field("decision_id")));
            assert_eq!(
                (entry.field("actor"), entry.field("subject")),
                (grace.clone(), subject.into())
            );
        }
    });
}

#[test]
fn a_batch_is_answered_in_the_order_of_its_questions() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let msa = Member::new(&server, "ada", "msa");
        let items: Vec<Value> = (0..1_000)
            .map(|n| json!({ "resource": if n % 3 == 0 { "report" } else { "schedule" }, "action": "read" }))
            .collect();
        let answer = msa.post("/api/authz/check/batch", &json!({ "items": items }));
        assert_eq!(answer.status, 200);
        assert_eq!(names(&answer), ["items"]);
        assert_no_reason(&answer);
        let body = answer.json();
        let items = body["items"].as_array().expect("items");
        assert_eq!(items.len(), 1_000);
        for (n, item) in items.iter().enumerate() {
            assert_eq!(item["allowed"], n % 3 != 0, "{n}");
        }
        let ids: BTreeSet<String> =
            items.iter().map(|item| item["decision_id"].to_string()).collect();
        assert_eq!(ids.len(), 1_000);
    });
}

#[test]
fn a_batch_has_one_to_a_thousand_questions_and_at_most_a_mebibyte() {
    let server = TestServer::start(TestDatabase::sqlite());
    let msa = Member::new(&server, "ada", "msa");
    let batch = |count: usize| {
        let items = vec![json!({ "resource": "schedule", "action": "read" }); count];
        msa.post("/api/authz/check/batch", &json!({ "items": items }))
    };
    for count in [0, 1_001] {
        let fault = ("items".to_owned(), "wrong_count".to_owned());
        assert_eq!(faults(&batch(count)), [fault]);
    }
    let padded = |path, padding: usize| {
        let body = format!("{{\"items\":[]{}}}", " ".repeat(padding));
        msa.send("POST", path, &[("content-type", "application/json")], &body)
    };
    assert_eq!(padded("/api/authz/check/batch", 1_000_000).code(), "invalid_request");
    let answer = padded("/api/authz/check/batch", 1024 * 1024);
    assert_eq!(
        (answer.code().as_str(), answer.field("detail")),
        ("body_too_large", "Send at most 1024 KiB.".into())
    );
    let answer = padded("/api/authz/check", 16 * 1024);
    assert_eq!(
        (answer.code().as_str(), answer.field("detail")),
        ("body_too_large", "Send at most 16 KiB.".into())
    );
}

#[test]
fn a_question_that_does_not_have_the_form_is_refused_and_the_place_named() {
    let server = TestServer::start(TestDatabase::sqlite());
    let msa = Member::new(&server, "ada", "msa");
    let long = "x".repeat(257);
    let deep = format!("{}1{}", r#"{"a":"#.repeat(9), "}".repeat(9));
    for (members, field, code) in [
        (r#""action":"read""#.to_owned(), "resource", "missing"),
        (r#""resource":"r","action":1"#.to_owned(), "action", "wrong_type"),
        (format!(r#""resource":"{long}","action":"a""#), "resource", "too_long"),
        (r#""resource":"r\u0000","action":"a""#.to_owned(), "resource", "forbidden_character"),
        (r#""resource":"r","action":"a","role":"admin""#.to_owned(), "role", "unknown"),
        (r#""resource":"r","action":"a","action":"b""#.to_owned(), "action", "duplicate"),
        (r#""resource":"r","action":"a","subject":"ada""#.to_owned(), "subject", "wrong_type"),
        (
            r#""resource":"r","action":"a","subject":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]"#.to_owned(),
            "subject",
            "wrong_type",
        ),
        (
            r#""resource":"r","action":"a","context":{"parties":["p",2]}"#.to_owned(),
            "context.parties[1]",
            "wrong_type",
        ),
        (
            r#""resource":"r","action":"a","context":{"attributes":[]}"#.to_owned(),
            "context.attributes",
            "wrong_type",
        ),
        (
            r#""resource":"r","action":"a","context":{"attributes":{"x":1,"x":2}}"#.to_owned(),
            "context.attributes",
            "duplicate",
        ),
        (
            format!(r#""resource":"r","action":"a","context":{{"attributes":{deep}}}"#),
            "context.attributes",
            "too_deep",
        ),
    ] {
        for (path, body, prefix) in [
            ("/api/authz/check", format!("{{{members}}}"), ""),
            ("/api/authz/check/batch", format!(r#"{{"items":[{{{members}}}]}}"#), "items[0]."),
        ] {
            let answer = msa.send("POST", path, &[("content-type", "application/json")], &body);
            assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{body}");
            let named = faults(&answer).remove(0);
            let whole_names = ["missing", "unknown", "duplicate"].contains(&code);
            let place = if whole_names && !field.contains('.') {
                field.to_owned()
            } else {
                format!("{prefix}{field}")
            };
            assert!(named.0.starts_with(&place), "{named:?} {place}");
            assert_eq!(named.1, code, "{body}");
        }
    }
}

#[test]
fn a_browser_asks_with_its_cookie_and_its_csrf_token() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    let body = json!({ "resource": "schedule", "action": "read" });
    for path in ["/api/authz/check", "/api/authz/check/batch", "/api/admin/matrix/rollback"] {
        assert_eq!(browser.post(path, &body).code(), "csrf_failed", "{path}");
    }
    let token = browser.csrf_token();
    let headers = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
        ("x-csrf-token", token.as_str()),
    ];
    let answer = browser.send("POST", "/api/authz/check", &headers, &body.to_string());
    assert_eq!(answer.json()["allowed"], true);
}

#[test]
fn an_answer_does_not_wait_for_the_disk_unless_it_must() {
    let server = TestServer::with(
        TestDatabase::sqlite(),
        TestSettings { recording: RecordingPolicy::default(), ..TestSettings::default() },
    );
    let admin = Member::new(&server, "grace", "admin");
    let answer = admin.check("schedule", "read");
    let path = format!("/api/admin/decisions/{}", answer.field("decision_id"));
    // The clock stands still, so the window does not end and nothing is written.
    assert_eq!(admin.get(&path).status, 404);
    server.clock().advance(Duration::from_secs(1));
    // Now each check must wait until it and all earlier ones are stored.
    assert_eq!(admin.check("schedule", "read").status, 200);
    assert_eq!(admin.get(&path).status, 200);
}

#[test]
fn what_cannot_be_recorded_is_not_answered() {
    let (database, switch) = TestDatabase::postgres_with_switch();
    let server = TestServer::start(database);
    let admin = Member::new(&server, "grace", "admin");
    switch.off();
    let answer = admin.check("schedule", "read");
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    switch.on();
    assert!((0..30).any(|_| admin.check("schedule", "read").status == 200), "comes back");
}

fn names(answer: &Answer) -> Vec<String> {
    answer.json().as_object().expect("an object").keys().cloned().collect()
}

fn assert_no_reason(answer: &Answer) {
    let word = REASON.iter().find(|word| answer.text.contains(**word));
    assert_eq!(word, None, "{}", answer.text);
}
