//! Tests of `user list`, `show`, `lock`, `unlock`, `delete` and `networks`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::PASSWORD;
use crate::machine::{Machine, within};

#[test]
fn user_list_filters_and_pages_and_user_show_tells_one_account() {
    let machine = Machine::new();
    machine.create("ada", "rn", &["--display-name", "Ada King"]).exits_with(0);
    machine.create("grace", "admin", &[]).exits_with(0);
    machine.create("joan", "rn", &[]).exits_with(0);
    let names = |arguments: &[&str]| -> Vec<String> {
        let arguments = [&["user", "list", "--json"], arguments].concat();
        let listed = machine.run(&arguments).exits_with(0).json();
        let accounts = listed["accounts"].as_array().unwrap().clone();
        accounts.iter().map(|account| account["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["joan", "grace", "ada"]);
    assert_eq!(names(&["--role", "rn"]), ["joan", "ada"]);
    assert_eq!(names(&["--search", "KING"]), ["ada"]);
    assert_eq!(names(&["--search", "GRACE@"]), ["grace"]);
    for wildcard in ["%", "_", "!"] {
        assert_eq!(names(&["--search", wildcard]), Vec::<String>::new());
    }
    assert_eq!(names(&["--most", "1"]), ["joan"]);
    let shown = |name: &str| {
        machine.run(&["user", "show", "--username", name, "--json"]).exits_with(0).json()
    };
    let joan = shown("joan");
    assert_eq!(names(&["--after", joan["id"].as_str().unwrap()]), ["grace", "ada"]);
    assert_eq!(names(&["--inactive"]), Vec::<String>::new());
    let ada = shown("ada@example.org");
    assert_eq!((&ada["username"], &ada["sessions"]), (&"ada".into(), &0.into()));
    assert_eq!((&ada["has_password"], &ada["locked_until"]), (&true.into(), &Value::Null));
    let text = machine.run(&["user", "show", "--username", "ada"]).exits_with(0).stdout;
    assert!(text.contains("display name          Ada King"), "{text}");
    let text = machine.run(&["user", "list"]).exits_with(0).stdout;
    assert!(text.contains("never"), "{text}");
    machine.run(&["user", "show", "--username", "nobody"]).exits_with(1);
}

#[test]
fn user_list_names_the_roles_at_a_typing_error_and_says_that_more_follow() {
    let machine = Machine::new();
    for name in ["ada", "grace", "joan"] {
        machine.create(name, "rn", &[]).exits_with(0);
    }
    let typo = machine.run(&["user", "list", "--role", "nr"]).exits_with(2).stderr;
    assert!(typo.contains("there is no role \"nr\"; choose one of"), "{typo}");
    assert!(typo.contains("coordinator"), "{typo}");
    machine.run(&["user", "list", "--role", "resident"]).exits_with(0);

    let page = |arguments: &[&str]| {
        let arguments = [&["user", "list", "--most", "2"], arguments].concat();
        machine.run(&arguments).exits_with(0)
    };
    let first = page(&["--json"]).json();
    let accounts = first["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    let next = first["next_after"].as_str().unwrap();
    assert_eq!(next, accounts[1]["id"]);
    let hint = format!("More accounts follow: add `--after {next}`.");
    let text = page(&[]).stdout;
    assert!(text.trim_end().ends_with(&hint), "{text}");
    let last = page(&["--json", "--after", next]).json();
    assert_eq!(
        (&last["accounts"][0]["username"], &last["next_after"]),
        (&"ada".into(), &Value::Null)
    );
    let text = page(&["--after", next]).stdout;
    assert!(!text.contains("More"), "{text}");
    let whole = machine.run(&["user", "list", "--most", "3", "--json"]).exits_with(0).json();
    assert_eq!(whole["next_after"], Value::Null, "a full page without a next one");
}

#[test]
fn user_lock_ends_the_sessions_at_a_running_server_until_user_unlock() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.create("grace", "admin", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    machine.run(&["user", "lock", "--username", "ada"]).exits_with(0);
    within(Duration::from_secs(10), || !server.knows(&token));
    let shown = machine.run(&["user", "show", "--username", "ada", "--json"]).exits_with(0).json();
    assert_eq!(shown["is_active"], false);
    let last = machine.run(&["user", "lock", "--username", "grace", "--json"]).exits_with(1);
    assert!(last.stdout.contains("last active administrator"), "{}", last.stdout);
    let done = machine.run(&["user", "unlock", "--username", "ada", "--json"]).exits_with(0).json();
    assert_eq!((&done["unlocked"], &done["activated"]), (&"ada".into(), &true.into()));
    let again = machine.run(&["user", "unlock", "--username", "ada", "--json"]).exits_with(0);
    assert_eq!(again.json()["activated"], false);
    assert!(server.knows(&server.sign_in("ada")));
}

#[test]
fn user_set_password_follows_the_policy_and_ends_the_sessions() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    let set = ["user", "set-password", "--username", "ada", "--password-stdin", "--json"];
    let weak = machine.run_with_stdin(&set, "short\n").exits_with(1).stdout;
    assert!(weak.contains("at least 12 characters"), "{weak}");
    assert!(server.knows(&token));
    let must = [&set[..], &["--must-change"]].concat();
    let done = machine.run_with_stdin(&must, "amber-walrus-paints-9\n").exits_with(0);
    assert_eq!(done.json()["must_change"], true);
    assert!(!done.stdout.contains("walrus"), "{}", done.stdout);
    within(Duration::from_secs(10), || !server.knows(&token));
    let shown = machine.run(&["user", "show", "--username", "ada", "--json"]).exits_with(0).json();
    assert_eq!((&shown["password_must_change"], &shown["sessions"]), (&true.into(), &0.into()));
    machine.run_with_stdin(&set, &format!("{}\n", crate::PASSWORD)).exits_with(0);
    assert!(server.knows(&server.sign_in("ada")));
}

#[test]
fn user_delete_needs_a_confirmation_and_keeps_the_last_administrator() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.create("grace", "admin", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    machine.run(&["user", "delete", "--username", "ada"]).exits_with(2);
    assert!(server.knows(&token));
    machine.run(&["user", "delete", "--username", "ada", "--for-good"]).exits_with(0);
    within(Duration::from_secs(10), || !server.knows(&token));
    machine.run(&["user", "delete", "--username", "ada", "--for-good"]).exits_with(1);
    let last = machine.run(&["user", "delete", "--username", "grace", "--for-good", "--json"]);
    assert!(last.exits_with(1).stdout.contains("last active administrator"));
}

#[test]
fn user_networks_lets_an_owner_in_whose_address_is_not_in_the_list() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    let networks =
        |more: &[&str]| machine.run(&[&["user", "networks", "--username", "ada"], more].concat());
    let shown = networks(&[]).exits_with(0).stdout;
    assert_eq!(shown.trim_end(), "\"ada\" may be used from every network.");
    let set = networks(&["--set", "198.51.100.0/24", "2001:db8::7", "--json"]).exits_with(0);
    assert_eq!(set.json()["networks"], json!(["198.51.100.0/24", "2001:db8::7/128"]));
    within(Duration::from_secs(10), || !server.knows(&token));
    let login = json!({ "username": "ada", "password": PASSWORD, "delivery": "body" }).to_string();
    let sign_in = || server.request("POST", "/api/auth/login/json", &login);
    assert!(sign_in().contains("invalid_credentials"), "{}", sign_in());

    networks(&["--clear"]).exits_with(0);
    within(Duration::from_secs(10), || sign_in().starts_with("HTTP/1.1 200"));
    let refused = networks(&["--set", "198.51.100.7/24"]).exits_with(1);
    assert!(refused.stderr.contains("without bits of a host"), "{}", refused.stderr);
    let many: Vec<String> = (0..21).map(|place| format!("192.0.2.{place}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = networks(&[&["--set"], &many[..]].concat()).exits_with(1);
    assert!(refused.stderr.contains("too many networks"), "{}", refused.stderr);
    assert_eq!(networks(&["--set", "192.0.2.7", "--clear"]).code, 2);
}
