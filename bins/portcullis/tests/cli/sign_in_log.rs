//! Tests of the log: one line for each outcome of a sign-in.

use serde_json::{Value, json};

use crate::PASSWORD;
use crate::machine::{Machine, Server};

fn sign_in(server: &Server, username: &str, password: &str) -> Value {
    traced_sign_in(server, username, password, "")
}

fn traced_sign_in(server: &Server, username: &str, password: &str, header: &str) -> Value {
    let body = json!({ "username": username, "password": password, "delivery": "body" });
    let answer = server.send("POST", "/api/auth/login/json", header, &body.to_string());
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
fn the_lines_of_a_request_have_the_trace_that_its_client_names() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__LOG__FORMAT", "json");
    machine.set("PORTCULLIS__LOG__LEVEL", "debug");
    let server = machine.serve();
    let header = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    traced_sign_in(&server, "nobody", PASSWORD, &header);
    sign_in(&server, "nobody", PASSWORD);
    let log = server.stop();
    let traces: Vec<_> = lines(&log).iter().map(|line| line["span"]["trace_id"].clone()).collect();
    assert_eq!(traces, [json!(TRACE), Value::Null], "{log}");
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_trace = lines.filter(|line| line["span"]["trace_id"] == TRACE);
    let messages: Vec<_> = of_trace.map(|line| line["message"].clone()).collect();
    assert!(messages.contains(&json!("request")), "the line of the answer too: {messages:?}");
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
