//! Tests of the section `access` and of the settings that name roles.

use super::Given;

/// Four things wrong with it, in lines 3, 4, 8 and 8.
const BROKEN_MATRIX: &str = "\
self_registration_role = \"guest\"
resources = [\"page\"]
actions = [\"read\", \"Read\"]
colour = \"red\"
[roles.admin]
juniors = [\"guest\"]
[roles.guest]
grants = [{ resources = [\"paeg\"], actions = [\"raed\"] }]
";

#[test]
fn all_faults_of_a_matrix_are_named_by_line_beside_all_others() {
    let given = Given::nothing()
        .secret("matrix.toml", BROKEN_MATRIX)
        .variable("PORTCULLIS__ACCESS__MATRIX", "{dir}/matrix.toml")
        .variable("PORTCULLIS__SESSIONS__ABSOLUTE_HOURS_BY_ROLE__GUEST", "8")
        .variable("PORTCULLIS__LOG__LEVEL", "loud");
    let faults = given.faults();
    let lines: Vec<_> = faults
        .iter()
        .filter(|fault| fault.key == "access.matrix")
        .map(|fault| fault.problem.split(':').next().unwrap())
        .collect();
    let expected = [3, 4, 8, 8].map(|line| format!("has a fault in line {line}"));
    assert_eq!(lines, expected, "{faults:?}");
    let codes = ["invalid_word", "unknown_key", "unknown_resource", "unknown_action"];
    for code in codes {
        assert!(faults.iter().any(|fault| fault.problem.contains(code)), "{code}: {faults:?}");
    }
    assert!(faults.iter().any(|fault| fault.key == "log.level"));
    // Whether there is such a role, nobody can tell.
    assert_eq!(faults.len(), 5, "{faults:?}");
}

#[test]
fn roles_come_from_the_configured_matrix() {
    let matrix = "\
self_registration_role = \"guest\"
resources = [\"settings\"]
actions = [\"update\"]
[roles.boss]
juniors = [\"guest\"]
grants = [{ resources = [\"*\"], actions = [\"*\"] }]
[roles.guest]
grants = [{ resources = [\"settings\"], actions = [\"update\"], when = [\"own\"] }]
";
    let given = Given::nothing()
        .secret("matrix.toml", matrix)
        .variable("PORTCULLIS__ACCESS__MATRIX", "{dir}/matrix.toml");
    let config = given.config();
    assert_eq!(config.matrix.active.load().self_registration_role.as_str(), "guest");
    let given = given.variable("PORTCULLIS__SESSIONS__ABSOLUTE_HOURS_BY_ROLE__RN", "8");
    let faults = given.faults();
    assert_eq!(faults[0].key, "sessions.absolute_hours_by_role.rn");
    assert_eq!(faults[0].remedy, "choose one of boss, guest");
}

#[test]
fn a_matrix_that_would_lock_the_server_up_is_refused() {
    let matrix = "\
self_registration_role = \"guest\"
resources = [\"page\"]
actions = [\"read\"]
[roles.guest]
grants = [{ resources = [\"page\"], actions = [\"read\"] }]
";
    let given = Given::nothing()
        .secret("matrix.toml", matrix)
        .variable("PORTCULLIS__ACCESS__MATRIX", "{dir}/matrix.toml");
    assert_eq!(given.keys(), ["access.matrix"]);
}
