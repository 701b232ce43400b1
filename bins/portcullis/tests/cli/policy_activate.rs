//! Tests of `matrix activate` and `matrix rollback`.

use std::time::Duration;

use crate::machine::{Machine, within};
use crate::{MATRIX, stricter_matrix};

#[test]
fn an_activation_reaches_a_running_server_within_a_second() {
    let machine = Machine::new();
    machine.create("ada", "resident", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    assert!(server.may(&token, "notification", "read"));

    let file = machine.write("matrix.toml", &stricter_matrix());
    let done = machine.run(&["policy", "activate", file.to_str().unwrap(), "--json"]);
    let answer = done.exits_with(0).json();
    assert_eq!((&answer["version"], &answer["previous"]), (&2.into(), &1.into()));
    assert_eq!(answer["changes"]["cells"].as_array().unwrap().len(), 3);
    within(Duration::from_secs(1), || !server.may(&token, "notification", "read"));

    let answer = machine.run(&["policy", "rollback", "--json"]).exits_with(0).json();
    assert_eq!((&answer["version"], &answer["previous"]), (&1.into(), &2.into()));
    within(Duration::from_secs(1), || server.may(&token, "notification", "read"));
    server.stop();

    let history = machine.run(&["policy", "history", "--json"]).exits_with(0).json();
    assert_eq!(history["in_force"], 1);
    let activations = history["activations"].as_array().unwrap();
    let versions: Vec<_> = activations.iter().map(|a| a["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [1, 2, 1]);
    let text = machine.run(&["policy", "history"]).exits_with(0).stdout;
    assert!(text.contains("In force: version 1") && text.contains("by operator"), "{text}");
}

#[test]
fn what_is_in_force_already_is_not_activated_again() {
    let machine = Machine::new();
    let file = machine.write("matrix.toml", MATRIX);
    let file = file.to_str().unwrap();
    for _ in 0..2 {
        let text = machine.run(&["policy", "activate", file]).exits_with(0).stdout;
        assert!(text.contains("Version 1 is in force already"), "{text}");
    }
    let history = machine.run(&["policy", "history", "--json"]).exits_with(0).json();
    assert_eq!(history["activations"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_come_into_force_changes_nothing() {
    let machine = Machine::new();
    machine.create("ada", "resident", &[]).exits_with(0);
    let without_resident = MATRIX
        .replace("\"clinical_staff\", \"resident\"]", "\"clinical_staff\"]")
        .replace("[roles.resident]", "[roles.trainee]")
        .replace("juniors = [\"coordinator\"]", "juniors = [\"coordinator\", \"trainee\"]");
    let faulty = MATRIX.replace("\"coordinator\"]", "\"coordinater\"]");
    let unfit =
        MATRIX.replace("self_registration_role = \"msa\"", "self_registration_role = \"admin\"");
    for (text, problem) in [
        (without_resident, "accounts have roles that the matrix lacks: resident"),
        (faulty, "line 29: "),
        (unfit, "self-registration role is the most senior one"),
    ] {
        let file = machine.write("matrix.toml", &text);
        let done = machine.run(&["policy", "activate", file.to_str().unwrap()]).exits_with(1);
        assert!(done.stderr.contains(problem), "{}", done.stderr);
    }
    let done = machine.run(&["policy", "activate", "7"]).exits_with(1);
    assert!(done.stderr.contains("no version 7"), "{}", done.stderr);
    let done = machine.run(&["policy", "rollback"]).exits_with(1);
    assert!(done.stderr.contains("no other version"), "{}", done.stderr);
    let history = machine.run(&["policy", "history", "--json"]).exits_with(0).json();
    assert_eq!(history["in_force"], 1);
}

#[test]
fn accounts_of_a_role_that_vanishes_get_another_one_with_the_activation() {
    let machine = Machine::new();
    machine.create("ada", "resident", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    let renamed = MATRIX.replace("resident", "trainee");
    let file = machine.write("matrix.toml", &renamed);
    let file = file.to_str().unwrap();

    let report = machine.run(&["policy", "check", file, "--json"]).exits_with(1).json();
    assert_eq!(report["accounts_compared"], true);
    let fault = serde_json::json!({ "line": null, "code": "role_in_use", "message": "resident" });
    assert_eq!(report["faults"], serde_json::json!([fault]));
    let text = machine.run(&["policy", "check", file]).exits_with(1).stdout;
    assert!(
        text.contains("roles that the matrix lacks: resident; number of accounts: 1"),
        "{text}"
    );

    let activate = |maps: &[&str]| {
        let maps = maps.iter().flat_map(|map| ["--map", map]);
        let arguments = ["policy", "activate", file, "--json"].into_iter().chain(maps);
        machine.run(&arguments.collect::<Vec<_>>())
    };
    for (maps, code, problem) in [
        (vec![], 1, "accounts have roles that the matrix lacks: resident"),
        (vec!["resident"], 2, "write it as OLD=NEW"),
        (vec!["resident=Not A Role"], 2, "is not a role"),
        (vec!["resident=nobody"], 1, "the matrix has no role nobody"),
        (vec!["resident=trainee", "resident=rn"], 1, "the role resident is moved twice"),
        (vec!["resident=trainee", "rn=trainee"], 1, "the matrix has the role rn"),
    ] {
        let done = activate(&maps).exits_with(code);
        assert!(format!("{}{}", done.stdout, done.stderr).contains(problem), "{}", done.stderr);
    }
    assert!(server.accepts(&token));
    let answer = activate(&["resident=trainee"]).exits_with(0).json();
    assert_eq!((&answer["version"], &answer["accounts_moved"]), (&2.into(), &1.into()));
    // The token names the former role.
    within(Duration::from_secs(1), || !server.accepts(&token));
    let shown = machine.run(&["user", "show", "--username", "ada", "--json"]).exits_with(0).json();
    assert_eq!(shown["role"], "trainee");
    let events = machine.run(&["audit", "export", "--kind", "role_changed"]).exits_with(0).stdout;
    assert!(events.contains("resident") && events.contains("trainee"), "{events}");
    machine.run(&["policy", "check", file]).exits_with(0);
    server.stop();
}

#[test]
fn accounts_get_roles_of_the_matrix_in_force_not_of_the_file() {
    let machine = Machine::new();
    let with_intern = format!(
        "{}\n[roles.intern]\ngrants = [{{ resources = [\"schedule\"], actions = [\"read\"] }}]\n",
        MATRIX.replace("juniors = [\"coordinator\"]", "juniors = [\"coordinator\", \"intern\"]")
    );
    let refused = machine.create("ada", "intern", &[]).exits_with(2).json();
    let problem = refused["error"]["problems"][0].as_str().unwrap().to_owned();
    assert!(problem.contains("choose one of admin, coordinator"), "{problem}");
    let file = machine.write("matrix.toml", &with_intern);
    machine.run(&["policy", "activate", file.to_str().unwrap()]).exits_with(0);
    machine.create("ada", "intern", &[]).exits_with(0);
    let row = format!(
        "username,email,role,password_hash\nbob,bob@example.org,intern,{}\n",
        crate::BCRYPT
    );
    machine.import(&machine.write("users.csv", &row), &[]).exits_with(0);
}

#[test]
fn a_configured_file_that_is_not_in_force_is_pointed_out() {
    let mut machine = Machine::new();
    machine.serve().stop();
    let file = machine.write("matrix.toml", &stricter_matrix());
    machine.set("PORTCULLIS__ACCESS__MATRIX", file.to_str().unwrap());
    let report = machine.run(&["doctor", "--json"]).exits_with(0).json();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "access matrix").unwrap();
    assert_eq!(check["status"], "warning");
    assert!(check["remedy"].as_str().unwrap().contains("portcullis policy activate"));
    let log = machine.serve().stop();
    assert!(log.contains("version 1 is in force") && log.contains("policy activate"), "{log}");

    machine.run(&["policy", "activate", file.to_str().unwrap()]).exits_with(0);
    let log = machine.serve().stop();
    assert!(!log.contains("policy activate"), "{log}");
}
