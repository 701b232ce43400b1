//! Tests of the log: one line for each outcome of a sign-in.

use serde_json::{Value, json};

use crate::PASSWORD;
use crate::machine::{Machine, Server};

fn sign_in(server: &Server, username: &str, password: &str) -> Value {
    let body = json!({ "username": username, "password": password, "delivery": "body" });
    let answer = server.request("POST", "/api/auth/login/json", &body.to_string());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    json!({ "id": id, "body": serde_json::from_str::<Value>(body).unwrap() })
}

/// The lines about sign-ins.
fn lines(log: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "sign-in").collect()
}

#[test]
fn each_outcome_of_a_sign_in_is_one_line_with_ids_and_without_names() {
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__LOG__FORMAT", "json");
    let server = machine.serve();
    machine.create("gracious", "admin", &[]).exits_with(0);
    let attempts = [
        sign_in(&server, "gracious", PASSWORD),
        sign_in(&server, "gracious", "wrong-xylem-quartz-41"),
        sign_in(&server, "somebody-else", PASSWORD),
    ];
    let log = server.stop();
    let lines = lines(&log);
    let outcomes = ["success", "wrong_password", "unknown_account"];
    assert_eq!(lines.iter().map(|line| &line["outcome"]).collect::<Vec<_>>(), outcomes, "{log}");
    for (line, attempt) in lines.iter().zip(&attempts) {
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["factor"], "password");
        assert_eq!(line["request_id"], attempt["id"]);
        assert!(line["event"].is_string(), "the entry of the audit log: {line}");
        let text = line.to_string();
        for secret in ["gracious", "somebody-else", PASSWORD, "wrong-xylem", "127.0.0.1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let account = &attempts[0]["body"]["account"]["id"];
    assert!(account.is_string(), "{}", attempts[0]);
    assert_eq!((&lines[0]["account"], &lines[1]["account"]), (account, account));
    assert!(lines[2].get("account").is_none(), "there is none");
    assert!(lines[0]["session"].is_string() && lines[1].get("session").is_none());
}

#[test]
fn a_log_of_warnings_has_no_sign_ins() {
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__LOG__FORMAT", "json");
    machine.set("PORTCULLIS__LOG__LEVEL", "warn");
    let server = machine.serve();
    sign_in(&server, "nobody", PASSWORD);
    assert!(lines(&server.stop()).is_empty());
}
