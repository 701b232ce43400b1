//! Tests of `service create` and `api-key`.

use std::time::Duration;

use crate::machine::{Machine, within};

const SECOND: Duration = Duration::from_secs(1);

/// Creates a key of the service, and answers it with its id.
fn key(machine: &Machine, scope: &[&str]) -> (String, String) {
    let arguments = ["api-key", "create", "--username", "scheduling", "--name", "feed", "--json"];
    let scope = ["--scope"].iter().chain(scope);
    let arguments: Vec<&str> = arguments.iter().chain(scope).copied().collect();
    let created = machine.run(&arguments).exits_with(0).json();
    let text = |member: &serde_json::Value| member.as_str().unwrap().to_owned();
    (text(&created["key"]), text(&created["api_key"]["id"]))
}

#[test]
fn a_service_acts_through_the_keys_that_the_operator_gives_it() {
    let machine = Machine::new();
    let service = ["service", "create", "--username", "scheduling", "--email", "ops@example.org"];
    let service = [&service[..], &["--role", "msa"]].concat();
    let created = machine.run(&service).exits_with(0);
    assert!(created.stdout.contains("created the service scheduling"), "{}", created.stdout);
    let server = machine.serve();
    let (first, id) = key(&machine, &["revocation:read", "schedule:list"]);
    assert!(server.knows(&first));
    let is_ok = |answer: String| answer.starts_with("HTTP/1.1 200 ");
    assert!(is_ok(server.get_as("/api/revocations?after=0", &first)));
    assert!(server.may(&first, "schedule", "list") && !server.may(&first, "schedule", "read"));
    let (narrow, _) = key(&machine, &["schedule:list"]);
    let refused = server.get_as("/api/revocations?after=0", &narrow);
    assert!(refused.contains("out_of_scope"), "{refused}");

    let rotate = ["api-key", "rotate", "--username", "scheduling", &id, "--json"];
    let second = machine.run(&rotate).exits_with(0).json();
    let second = second["key"].as_str().unwrap();
    assert!(server.knows(&first) && server.knows(second), "both for the overlap");
    let list = ["api-key", "list", "--username", "scheduling"];
    let listed = machine.run(&list).exits_with(0);
    assert_eq!(listed.stdout.lines().count(), 3, "{}", listed.stdout);
    assert!(listed.stdout.contains("revocation:read schedule:list"), "{}", listed.stdout);
    assert!(!listed.stdout.contains(&first[26..56]), "{}", listed.stdout);

    let revoke = ["api-key", "revoke", "--username", "scheduling", &id];
    machine.run(&revoke).exits_with(0);
    within(2 * SECOND, || !server.knows(&first));
    assert!(server.knows(second));
    let log = server.stop();
    for secret in [first.as_str(), second] {
        assert!(!log.contains(secret), "{log}");
    }
    let used = "SELECT details FROM security_events WHERE kind = 'api_key_used'";
    let used = machine.database().texts(used).unwrap().concat();
    assert!(used.contains(&format!(r#""key":"{id}""#)), "written at the end: {used}");
}

#[test]
fn a_key_of_a_person_and_a_scope_beyond_the_role_are_refused_and_a_service_has_no_password() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let create = |username: &str, more: &[&str]| {
        let arguments = ["api-key", "create", "--username", username, "--name", "a"];
        machine.run(&[&arguments[..], more].concat())
    };
    let person = create("ada", &["--scope", "schedule:list"]).exits_with(1);
    assert!(person.stderr.contains("service create"), "{}", person.stderr);
    let service = ["service", "create", "--username", "robot", "--email", "robot@example.org"];
    machine.run(&[&service[..], &["--role", "msa"]].concat()).exits_with(0);
    machine.run(&[&service[..], &["--role", "nobody"]].concat()).exits_with(2);
    for (more, problem) in [
        (&["--scope", "user:delete"][..], "does not give user:delete"),
        (&["--scope", "user"], "resource:action"),
        (&["--scope", "schedule:list", "--network", "10.0.0.1/8"], "without bits of a host"),
        (&["--scope", "schedule:list", "--days", "366"], "1 to 365 days"),
    ] {
        let refused = create("robot", more).exits_with(1);
        assert!(refused.stderr.contains(problem), "{}", refused.stderr);
    }
    let password = ["user", "set-password", "--username", "robot", "--password-stdin"];
    let refused = machine.run_with_stdin(&password, "violet-otter-plays-7-cellos\n").exits_with(1);
    assert!(refused.stderr.contains("service account"), "{}", refused.stderr);
    let unknown = create("nobody", &["--scope", "schedule:list"]).exits_with(1);
    assert!(unknown.stderr.contains("there is no account"), "{}", unknown.stderr);
    let none = machine.run(&["api-key", "list", "--username", "robot"]).exits_with(0);
    assert_eq!(none.stdout.trim_end(), "The account has no API key.");
    let shown = machine.run(&["user", "show", "--username", "robot", "--json"]).json();
    assert_eq!((&shown["kind"], &shown["has_password"]), (&"service".into(), &false.into()));
}

#[test]
fn a_key_has_a_limit_of_its_own_on_the_routes_of_services_too() {
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__RATE_LIMIT__KEY_REQUESTS", "3");
    let service = ["service", "create", "--username", "scheduling", "--email", "ops@example.org"];
    machine.run(&[&service[..], &["--role", "msa"]].concat()).exits_with(0);
    let [(one, _), (other, _)] = [(); 2].map(|()| key(&machine, &["revocation:read"]));
    let server = machine.serve();
    let ask = |key: &str| server.get_as("/api/revocations?after=0", key);
    for _ in 0..3 {
        assert!(ask(&one).starts_with("HTTP/1.1 200 "));
    }
    let limited = ask(&one);
    assert!(limited.starts_with("HTTP/1.1 429 ") && limited.contains("key_requests"), "{limited}");
    assert!(ask(&other).starts_with("HTTP/1.1 200 "), "the other key of the account goes on");
}
