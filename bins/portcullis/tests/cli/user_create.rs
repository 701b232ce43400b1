//! Tests of `user create`.

use crate::PASSWORD;
use crate::machine::Machine;

#[test]
fn user_create_makes_an_account_once() {
    let machine = Machine::new();
    let more = ["--kind", "developer", "--display-name", "Ada King", "--must-change"];
    let done = machine.create("ada", "rn", &more).exits_with(0);
    let created = &done.json()["created"];
    assert_eq!(created["username"], "ada");
    assert_eq!(created["kind"], "developer");
    assert_eq!(created["role"], "rn");
    assert_eq!(created["display_name"], "Ada King");
    assert_eq!(created["password_must_change"], true);
    assert!(!done.stdout.contains(PASSWORD) && !done.stderr.contains(PASSWORD));

    let again = machine.create("ada", "rn", &[]).exits_with(1).json();
    assert_eq!(again["error"]["problems"][0], "the user name is taken");
}

#[test]
fn user_create_names_everything_that_is_wrong() {
    let machine = Machine::new();
    let arguments = ["user", "create", "--username", "a b", "--email", "nobody", "--role", "rn"];
    let arguments = [&arguments[..], &["--password-stdin", "--json"]].concat();
    let problems = machine.run_with_stdin(&arguments, "short\n").exits_with(1).json();
    let problems = problems["error"]["problems"].to_string();
    for word in ["user name", "email", "at least 12 characters"] {
        assert!(problems.contains(word), "{word} is not in {problems}");
    }
    let done = machine.run_with_stdin(&arguments, "").exits_with(1);
    assert!(done.stdout.contains("no password on standard input"), "{}", done.stdout);
}
