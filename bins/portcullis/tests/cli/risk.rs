//! Tests of `risk explain` and `risk replay`, of the files of the section `risk`, and of the way back in.

use std::time::Duration;

use serde_json::{Value, json};

use crate::PASSWORD;
use crate::machine::{Machine, Server, within};

fn sign_in(server: &Server) -> Value {
    let login = json!({ "username": "ada", "password": PASSWORD, "delivery": "body" }).to_string();
    let answer = server.request("POST", "/api/auth/login/json", &login);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn risk_explain_names_the_signals_and_risk_replay_counts_what_would_change() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let server = machine.serve();
    for _ in 0..2 {
        assert!(sign_in(&server)["session_id"].is_string());
    }
    let explain = |more: &[&str]| {
        machine.run(&[&["risk", "explain", "--username", "ada"], more].concat()).exits_with(0)
    };
    let shown = explain(&[]).stdout;
    assert!(shown.contains(": allowed with 20 points"), "{shown}");
    assert!(shown.contains("  20  new_device: "), "{shown}");
    assert!(shown.ends_with("Challenged from 40 points, refused from 100 points.\n"), "{shown}");
    let all = explain(&["--last", "10", "--challenge-at", "20", "--json"]).json();
    assert_eq!(all["sign_ins"].as_array().unwrap().len(), 2);
    assert_eq!(all["sign_ins"][0]["outcome"], "challenged");
    assert_eq!(all["sign_ins"][0]["recorded_outcome"], "allowed");
    assert_eq!(all["sign_ins"][1]["score"], 0, "the first of all has no history");

    let replay = |more: &[&str]| machine.run(&[&["risk", "replay"], more].concat()).exits_with(0);
    let same = replay(&[]).stdout;
    assert!(same.contains("allowed -> allowed: 2\n"), "{same}");
    let strict = replay(&["--days", "1", "--challenge-at", "20", "--json"]).json();
    assert_eq!(strict["examined"], 2);
    assert_eq!(strict["changes"].as_array().unwrap().len(), 1);
    assert_eq!(strict["changes"][0]["would_be"], "challenged");
    let unknown = machine.run(&["risk", "explain", "--username", "nobody"]).exits_with(1);
    assert!(unknown.stderr.contains("there is no account"), "{}", unknown.stderr);
}

#[test]
fn a_bad_file_prevents_the_start_and_a_listed_address_is_recorded() {
    let mut machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let list = machine.write("bad.txt", "# seen\n127.0.0.0/8\nnonsense\n");
    machine.set("PORTCULLIS__RISK__BAD_ADDRESSES", list.to_str().unwrap());
    machine.set("PORTCULLIS__RISK__POSITIONS", "/nowhere/cities.mmdb");
    for verb in [&["config", "check"][..], &["doctor"], &["serve"]] {
        let refused = machine.run(verb).exits_with(2);
        let text = if verb == ["serve"] { refused.stderr } else { refused.stdout };
        for words in ["risk.bad_addresses", list.to_str().unwrap(), "line 3: must be networks"] {
            assert!(text.contains(words), "{verb:?}: {words} is not in\n{text}");
        }
        for words in ["risk.positions", "/nowhere/cities.mmdb", "No such file"] {
            assert!(text.contains(words), "{verb:?}: {words} is not in\n{text}");
        }
    }
    machine.unset("PORTCULLIS__RISK__POSITIONS");
    machine.write("bad.txt", "# seen\n127.0.0.0/8\n");
    for verb in [&["config", "check"][..], &["doctor"]] {
        machine.run(verb).exits_with(0);
    }
    let server = machine.serve();
    sign_in(&server);
    let shown = machine.run(&["risk", "explain", "--username", "ada", "--json"]).json();
    assert_eq!(shown["sign_ins"][0]["signals"][0]["signal"], "listed_address");
}

/// The address is outside every list, the factor is lost, the codes are locked, every sign-in is refused for
/// its risk, and no mail arrives: the operator of the host has a way in.
#[test]
fn networks_factors_and_risk_together_leave_the_operator_a_way_in() {
    let mut machine = Machine::new();
    machine.create("ada", "admin", &[]).exits_with(0);
    machine.set("PORTCULLIS__MFA__REQUIRED", "everybody");
    let server = machine.serve();
    let token = server.sign_in("ada");
    let password = json!({ "current_password": PASSWORD });
    server.post_as("/api/auth/mfa/totp/enrol", &token, &password);
    server.stop();

    machine
        .run(&["user", "networks", "--username", "ada", "--set", "198.51.100.0/24"])
        .exits_with(0);
    machine.set("PORTCULLIS__ACCOUNTS__NETWORKS_BY_ROLE", "{ admin = [\"198.51.100.0/24\"] }");
    machine.set("PORTCULLIS__RISK__CHALLENGE_AT", "1");
    machine.set("PORTCULLIS__RISK__REFUSE_AT", "1");
    let server = machine.serve();
    for _ in 0..6 {
        assert_eq!(sign_in(&server)["code"], "invalid_credentials");
    }
    server.stop();

    machine.unset("PORTCULLIS__ACCOUNTS__NETWORKS_BY_ROLE");
    machine.set("PORTCULLIS__RISK__ENABLED", "false");
    machine.unset("PORTCULLIS__RISK__CHALLENGE_AT");
    machine.unset("PORTCULLIS__RISK__REFUSE_AT");
    for verb in [&["networks", "--clear"][..], &["reset-mfa"], &["unlock"]] {
        let (verb, more) = verb.split_first().unwrap();
        machine.run(&[&["user", verb, "--username", "ada"], more].concat()).exits_with(0);
    }
    let server = machine.serve();
    within(Duration::from_secs(10), || sign_in(&server)["session_id"].is_string());
    let token = server.sign_in("ada");
    assert!(server.knows(&token), "and it enrols another factor");
}
