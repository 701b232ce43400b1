//! Tests of `serve`.

use std::fs::File;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::machine::{Machine, Server};
use crate::{BCRYPT, PASSWORD};

#[test]
fn serve_announces_setup_and_stops_when_told_to() {
    let machine = Machine::new();
    let server = machine.serve();
    let listening = server.announcement["listening"].as_str().unwrap();
    let token = server.announcement["setup"]["token"].as_str().unwrap().to_owned();
    assert!(listening.starts_with("http://127.0.0.1:") && !listening.ends_with(":0"));
    let page = server.announcement["setup"]["page"].as_str().unwrap();
    assert_eq!(page, format!("{listening}/console/setup"), "a token never stands in a URL");
    assert!(server.request("GET", "/console/setup", "").starts_with("HTTP/1.1 200 "));

    let log = server.stop();
    assert!(!log.contains(&token), "a secret is in the log: {log}");
}

#[test]
fn the_printed_command_asks_for_the_password_of_the_first_administrator() {
    let mut machine = Machine::new();
    let config = machine.write("a configuration.toml", "");
    machine.set("PORTCULLIS__CONFIG", "/no/such/file");
    let server = machine.start(&["--json", "--config", config.to_str().unwrap()], "log");
    let command = server.announcement["setup"]["command"].as_str().unwrap();
    let another = format!("another-{PASSWORD}");
    let [first, again] = ["New password: ", "Again: "];
    let (status, shown) = machine.run_on_terminal(command, &[(first, PASSWORD), (again, &another)]);
    assert!(!status.success() && shown.contains("the passwords differ"), "{shown}");
    let (status, shown) = machine.run_on_terminal(command, &[(first, PASSWORD), (again, PASSWORD)]);
    assert!(status.success() && shown.contains("created admin"), "{shown}");
    assert!(!shown.contains(PASSWORD), "it was shown: {shown}");
    assert!(sign_in(&server, "admin", PASSWORD).starts_with("HTTP/1.1 200 "));
    let token = server.announcement["setup"]["token"].as_str().unwrap();
    let refused = set_up(&server, token);
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
}

#[test]
fn the_setup_token_makes_the_first_administrator_once() {
    let machine = Machine::new();
    let server = machine.serve();
    let token = server.announcement["setup"]["token"].as_str().unwrap();
    assert!(set_up(&server, token).starts_with("HTTP/1.1 201 "));
    assert!(!set_up(&server, token).starts_with("HTTP/1.1 201 "));
    assert!(sign_in(&server, "admin", PASSWORD).starts_with("HTTP/1.1 200 "));
}

#[test]
fn without_a_terminal_a_password_must_be_piped() {
    let machine = Machine::new();
    let email = "ada@example.org";
    let create = ["user", "create", "--username", "ada", "--email", email, "--role", "msa"];
    let refused = machine.run(&create).exits_with(2);
    assert!(refused.stderr.contains("--password-stdin"), "{}", refused.stderr);
}

#[test]
fn the_configured_administrator_is_created_and_must_change_the_password() {
    let mut machine = Machine::new();
    machine.set("ADMIN_EMAIL", "you@example.org");
    machine.set("ADMIN_PASSWORD", PASSWORD);
    let server = machine.serve();
    assert!(server.announcement.get("setup").is_none());
    let answer = sign_in(&server, "you@example.org", PASSWORD);
    assert!(answer.contains("\"password_must_change\":true"), "{answer}");
    assert!(!server.stop().contains(PASSWORD));
}

#[test]
fn accounts_of_the_command_line_can_sign_in_at_a_server_that_runs() {
    let machine = Machine::new();
    let server = machine.serve();
    machine.create("grace", "admin", &[]).exits_with(0);
    let row = format!("username,email,password_hash\nada,ada@example.org,{BCRYPT}\n");
    let file = machine.write("users.csv", &row);
    machine.import(&file, &[]).exits_with(0);

    assert!(sign_in(&server, "grace", PASSWORD).starts_with("HTTP/1.1 200 "));
    assert!(sign_in(&server, "ada", "U*U*U").starts_with("HTTP/1.1 200 "), "by bcrypt");
    assert!(sign_in(&server, "ada", "U*U*U").starts_with("HTTP/1.1 200 "), "by what replaced it");
    assert!(sign_in(&server, "ada", "U*U*").starts_with("HTTP/1.1 401 "));
    server.stop();

    let again = machine.serve();
    assert!(again.announcement.get("setup").is_none(), "the command line made an administrator");
}

#[test]
fn serve_reports_a_port_that_is_taken() {
    let mut machine = Machine::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    machine.set("PORTCULLIS__SERVER__ADDRESS", &address);
    let done = machine.run(&["serve"]).exits_with(1);
    assert!(done.stderr.contains(&format!("cannot listen on {address}")), "{}", done.stderr);
    assert!(!machine.path("data").exists());
}

fn set_up(server: &Server, token: &str) -> String {
    let body = json!({ "setup_token": token, "username": "admin", "email": "you@example.org",
        "password": PASSWORD });
    server.request("POST", "/api/setup", &body.to_string())
}

fn sign_in(server: &Server, username: &str, password: &str) -> String {
    let body = json!({ "username": username, "password": password, "delivery": "body" });
    server.request("POST", "/api/auth/login/json", &body.to_string())
}

/// A named pipe without a writer stands for a file system, or a database, that hangs.
#[test]
fn a_signal_during_the_opening_of_the_data_ends_the_process() {
    for command in ["serve", "worker"] {
        let machine = Machine::new();
        let directory = machine.path("data");
        std::fs::create_dir(&directory).unwrap();
        let secret = directory.join("secret_key");
        assert!(Command::new("mkfifo").arg(&secret).status().unwrap().success());
        let mut child = machine.command(&[command]).stderr(Stdio::null()).spawn().unwrap();
        // Opening a named pipe for writing waits for its reader.
        let writer = File::options().write(true).open(&secret).unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{command}: {status}");
        drop(writer);
    }
}
