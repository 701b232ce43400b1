//! The access matrix over HTTP: show, validate, replay, activate, roll back.

use std::net::TcpListener;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::samples::MATRIX;
use portcullis_testkit::{Answer, TestDatabase, TestServer, settings};
use serde_json::{Value, json};

use crate::member::Member;

const ROLES: [&str; 8] =
    ["admin", "coordinator", "faculty", "clinical_staff", "rn", "lpn", "msa", "resident"];

#[test]
fn the_matrix_shows_whoever_asks_their_role_and_those_it_includes() {
    let server = TestServer::start(TestDatabase::sqlite());
    for (role, visible) in [
        ("msa", &["msa"][..]),
        ("clinical_staff", &["clinical_staff", "rn", "lpn", "msa"]),
        ("coordinator", &ROLES[1..]),
        ("admin", &ROLES),
    ] {
        let member = Member::new(&server, role, role);
        for format in ["json", "csv", "markdown"] {
            let answer = member.get(&format!("/api/authz/matrix?format={format}"));
            assert_eq!(answer.status, 200);
            for other in ROLES {
                let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                // `resident` is a resource too.
                let mut words = answer.text.split(|c| !is_word(c));
                let shown = words.any(|word| word == other) && other != "resident";
                let expected = visible.contains(&other) && other != "resident";
                assert_eq!(shown, expected, "{role} {format} {other}");
            }
        }
    }
}

#[test]
fn the_matrix_comes_in_the_wanted_format() {
    let server = TestServer::start(TestDatabase::sqlite());
    let member = Member::new(&server, "ada", "msa");
    let (json, csv, markdown) =
        ("application/json", "text/csv; charset=utf-8", "text/markdown; charset=utf-8");
    for (query, accept, expected) in [
        ("", "", json),
        ("", "*/*", json),
        ("", "text/html, text/csv;q=0.5, application/json", csv),
        ("", "text/markdown", markdown),
        ("?format=json", "text/csv", json),
        ("?format=csv", "", csv),
        ("?format=markdown", "application/json", markdown),
    ] {
        let headers = [("accept", accept)];
        let answer = member.send("GET", &format!("/api/authz/matrix{query}"), &headers, "");
        assert_eq!(answer.header("content-type"), Some(expected), "{query} {accept}");
    }
    for query in ["format=xml", "format=", "roles=all", "format=csv&format=csv"] {
        let answer = member.get(&format!("/api/authz/matrix?{query}"));
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{query}");
    }
}

#[test]
fn a_file_is_judged_and_every_fault_named_with_its_line() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let answer = admin.post("/api/admin/matrix/validate", &json!({ "text": MATRIX }));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["roles"].as_array().map(Vec::len), Some(8));
    let text = MATRIX.replacen("juniors = [\"coordinator\"]", "juniors = [\"chief\"]", 1).replacen(
        "when = [\"party\"]",
        "when = [\"full_moon\"]",
        1,
    );
    for path in ["validate", "diff", "replay", "versions"] {
        let answer = admin.post(&format!("/api/admin/matrix/{path}"), &json!({ "text": text }));
        assert_eq!((answer.status, answer.code().as_str()), (422, "matrix_faults"), "{path}");
        let faults = answer.json()["errors"].clone();
        for (word, code) in [("chief", "unknown_role"), ("full_moon", "unknown_condition")] {
            let line = text.lines().position(|line| line.contains(word)).map(|line| line + 1);
            let named = faults.as_array().into_iter().flatten().any(|fault| {
                fault["code"] == code && fault["field"] == "text" && json!(line) == fault["line"]
            });
            assert!(named, "{path} {code} {line:?}: {faults}");
        }
    }
    let answer = admin.post("/api/admin/matrix/validate", &json!({ "text": "roles = [[[" }));
    assert_eq!(answer.json()["errors"][0]["code"], "syntax");
}

#[test]
fn a_version_is_kept_compared_activated_and_rolled_back() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (admin, msa) =
            (Member::new(&server, "grace", "admin"), Member::new(&server, "ada", "msa"));
        let may_read_reports = || msa.check("report", "read").json()["allowed"].clone();
        assert_eq!(may_read_reports(), false);
        assert_eq!(post(&admin, "rollback", &json!({})).code(), "nothing_to_roll_back");

        let text = generous();
        let diff = post(&admin, "diff", &json!({ "text": text })).json();
        let cells = diff["cells"].as_array().expect("cells");
        assert!(cells.iter().any(|cell| cell["role"] == "msa"
            && cell["resource"] == "report"
            && cell["change"] == "gained"));
        let replayed =
            post(&admin, "replay", &json!({ "text": text, "until": "2027-01-16T00:00:00Z" }))
                .json();
        assert_eq!((&replayed["gained"], &replayed["lost"]), (&json!(1), &json!(0)));
        assert_eq!(replayed["changes"][0]["subjects"], json!([msa.account.to_string()]));

        let answer = post(&admin, "versions", &json!({ "text": text }));
        assert_eq!(
            (answer.status, answer.header("location")),
            (201, Some("/api/admin/matrix/versions/2"))
        );
        assert_eq!(
            post(&admin, "versions", &json!({ "text": text })).json(),
            json!({ "version": 2 })
        );
        assert_eq!(may_read_reports(), false, "kept is not in force");
        assert_eq!(
            post(&admin, "activate", &json!({ "version": 2 })).json(),
            json!({ "version": 2 })
        );
        assert_eq!(may_read_reports(), true);
        assert_eq!(admin.get("/api/admin/matrix/versions/2").json()["text"], text);

        let listed = admin.get("/api/admin/matrix/versions").json();
        let versions: Vec<(&Value, &Value)> = listed["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| (&item["version"], &item["in_force"]))
            .collect();
        assert_eq!(versions, [(&json!(2), &json!(true)), (&json!(1), &json!(false))]);
        assert_eq!(listed["items"][0]["by"], admin.account.to_string());
        assert_eq!(post(&admin, "rollback", &json!({})).json(), json!({ "version": 1 }));
        assert_eq!(may_read_reports(), false);

        for kind in ["matrix_proposed", "matrix_activated", "matrix_rolled_back", "matrix_replayed"]
        {
            let query = format!("/api/admin/audit?kind={kind}&actor={}", admin.account);
            let entries = admin.get(&query).json();
            assert_eq!(entries["items"].as_array().map(Vec::len), Some(1), "{kind}");
        }
    });
}

#[test]
fn what_would_lock_everybody_out_is_not_put_in_force() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    Member::new(&server, "ada", "lpn");
    let unfit = MATRIX.replacen("actions = [\"*\"] }", "actions = [\"read\"] }", 1);
    assert_ne!(unfit, MATRIX);
    let answer = post(&admin, "versions", &json!({ "text": unfit }));
    assert_eq!((answer.status, answer.code().as_str()), (422, "matrix_unfit"));

    let without_lpn: String = MATRIX
        .replace("\"rn\", \"lpn\", \"msa\"", "\"rn\", \"msa\"")
        .split("\n\n")
        .filter(|section| !section.starts_with("[roles.lpn]"))
        .collect::<Vec<_>>()
        .join("\n\n");
    assert_eq!(post(&admin, "versions", &json!({ "text": without_lpn })).status, 201);
    let answer = post(&admin, "activate", &json!({ "version": 2 }));
    assert_eq!((answer.status, answer.code().as_str()), (409, "roles_in_use"));
    assert!(answer.field("detail").contains("lpn"));
    assert_eq!(post(&admin, "activate", &json!({ "version": 9 })).code(), "not_found");
    for number in ["0", "9", "-1", "x", "99999999999"] {
        assert_eq!(admin.get(&format!("/api/admin/matrix/versions/{number}")).code(), "not_found");
    }
}

#[test]
fn an_activation_reaches_another_node_within_a_second() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let origin = format!("http://{}", listener.local_addr().expect("a bound listener has one"));
        let settings = settings(&origin);
        let other = portcullis_web::spawn(listener, server.node().application, settings);
        let other = other.expect("the other node starts");
        let admin = Member::new(&server, "grace", "admin");
        let msa = Member::new(&server, "ada", "msa").at(&origin);
        assert_eq!(msa.check("report", "read").json()["allowed"], false);
        post(&admin, "versions", &json!({ "text": generous() }));
        assert_eq!(post(&admin, "activate", &json!({ "version": 2 })).status, 200);
        let clock = SystemClock::new();
        while msa.check("report", "read").json()["allowed"] == false {
            assert!(clock.monotonic() < Duration::from_secs(1));
        }
        drop(other);
    });
}

fn post(member: &Member, path: &str, body: &Value) -> Answer {
    member.post(&format!("/api/admin/matrix/{path}"), body)
}

/// The default matrix, in which accounts that register may also read reports.
fn generous() -> String {
    let grant = "grants = [{ resources = [\"report\"], actions = [\"read\"] }, {";
    MATRIX.replacen("[roles.msa]\ngrants = [{", &format!("[roles.msa]\n{grant}"), 1)
}
