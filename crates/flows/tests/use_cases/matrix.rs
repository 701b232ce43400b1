//! Tests of versions of the access matrix and of activations.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Matrix;
use portcullis_domain::{Role, Timestamp};
use portcullis_flows::access::decision::{Decisions, Question};
use portcullis_flows::access::matrix::{
    ActiveMatrix, Matrices, MatrixError, ReplayStep, UnusableMatrix,
};
use portcullis_flows::audit::recording::{Recorder, RecordingPolicy};
use portcullis_flows::identity::account::Accounts;
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::deployment::{DAY, Deployment, SECOND};

fn started(deployment: &Deployment) -> Matrices {
    started_with(deployment, samples::MATRIX)
}

fn started_with(deployment: &Deployment, text: &str) -> Matrices {
    let store = Arc::new(deployment.database.store().clone());
    let operator = samples::operator();
    Matrices::start(store.clone(), store, text, &operator, deployment.ambient()).unwrap()
}

fn role(word: &str) -> Role {
    Role::parse(word).unwrap()
}

/// The default matrix in which residents may also delete schedules.
fn generous() -> String {
    let residents = "[roles.resident]\ngrants = [";
    let given = "\n    { resources = [\"schedule\"], actions = [\"delete\"] },";
    assert!(samples::MATRIX.contains(residents));
    samples::MATRIX.replace(residents, &format!("{residents}{given}"))
}

/// The default matrix in which nobody may update settings.
fn closed() -> String {
    let all = "grants = [{ resources = [\"*\"], actions = [\"*\"] }]";
    assert!(samples::MATRIX.contains(all));
    samples::MATRIX.replace(all, "grants = [{ resources = [\"settings\"], actions = [\"read\"] }]")
}

fn may_delete(node: &Matrices) -> bool {
    let asked = portcullis_access::DecisionContext::by("ada");
    node.active().load().matrix.decide_words("resident", "schedule", "delete", &asked).is_allowed()
}

#[test]
fn the_first_start_of_all_puts_the_file_in_force_and_later_ones_do_not() {
    let deployment = Deployment::new();
    assert_eq!(started(&deployment).active().load().version, 1);
    let other_file = started_with(&deployment, &generous());
    let in_force = other_file.active().load();
    assert_eq!((in_force.version, in_force.revision), (1, 1));
    assert!(!may_delete(&other_file));
    assert_eq!(deployment.outcomes("matrix_activated"), ["success 1"]);
}

#[test]
fn nodes_that_start_at_once_agree() {
    let deployment = Deployment::new();
    let versions = at_once(8, |number| {
        let file = if number % 2 == 0 { samples::MATRIX.to_owned() } else { generous() };
        started_with(&deployment, &file).active().load().version
    });
    assert!(versions.iter().all(|version| *version == versions[0]), "{versions:?}");
    assert_eq!(deployment.count("matrix_activations"), 1);
}

#[test]
fn an_activation_counts_at_once_here_and_at_the_next_look_elsewhere() {
    let deployment = Deployment::new();
    let (here, elsewhere) = (started(&deployment), started(&deployment));
    let version = here.propose(&generous(), &samples::operator()).unwrap();
    assert!(!may_delete(&here), "proposed is not in force");
    here.activate(version, &samples::operator()).unwrap();
    assert!(may_delete(&here) && !may_delete(&elsewhere));
    elsewhere.follow().unwrap();
    assert!(may_delete(&elsewhere));
}

#[test]
fn rolling_back_goes_to_what_was_before_and_forth_again() {
    let deployment = Deployment::new();
    let node = started(&deployment);
    assert!(matches!(node.roll_back(None, &samples::operator()), Err(MatrixError::NothingBefore)));
    let version = node.propose(&generous(), &samples::operator()).unwrap();
    node.activate(version, &samples::operator()).unwrap();
    assert_eq!(node.roll_back(None, &samples::operator()).unwrap(), 1);
    assert!(!may_delete(&node));
    assert_eq!(node.roll_back(None, &samples::operator()).unwrap(), version);
    let history: Vec<u32> = node.history().unwrap().iter().map(|past| past.version).collect();
    assert_eq!(history, [version, 1, version, 1]);
    assert_eq!(deployment.outcomes("matrix_rolled_back"), ["success 2"]);
}

#[test]
fn the_same_text_is_one_version() {
    let deployment = Deployment::new();
    let node = started(&deployment);
    assert_eq!(node.propose(samples::MATRIX, &samples::operator()).unwrap(), 1);
    let number = node.propose(&generous(), &samples::operator()).unwrap();
    assert_eq!(node.propose(&generous(), &samples::operator()).unwrap(), number);
    assert_eq!(node.versions().unwrap().len(), 2);
    assert_eq!(node.version(number).unwrap().unwrap().text, generous());
    assert_eq!(deployment.outcomes("matrix_proposed"), ["success 2"]);
}

#[test]
fn of_activations_at_once_each_builds_on_the_one_before_or_is_told() {
    let deployment = Deployment::new();
    let first = started(&deployment);
    let version = first.propose(&generous(), &samples::operator()).unwrap();
    let outcomes = at_once(12, |_| {
        let node = started(&deployment);
        match node.activate(version, &samples::operator()) {
            Ok(()) => true,
            Err(MatrixError::Superseded) => false,
            Err(error) => panic!("{error}"),
        }
    });
    let done = outcomes.iter().filter(|done| **done).count();
    assert!(done >= 1);
    assert_eq!(deployment.count("matrix_activations"), i64::try_from(done).unwrap() + 1);
    let refused = outcomes.len() - done;
    let mut expected = vec![format!("success {}", done + 1)];
    expected.extend((refused > 0).then(|| format!("superseded {refused}")));
    assert_eq!(deployment.outcomes("matrix_activated"), expected);
}

#[test]
fn a_matrix_that_would_lock_the_server_up_is_not_taken() {
    let deployment = Deployment::new();
    let node = started(&deployment);
    assert!(matches!(
        node.propose(&closed(), &samples::operator()),
        Err(MatrixError::UnusableMatrix(UnusableMatrix::LocksOut { .. }))
    ));
    let senior = samples::MATRIX
        .replace("self_registration_role = \"msa\"", "self_registration_role = \"admin\"");
    assert!(matches!(
        node.propose(&senior, &samples::operator()),
        Err(MatrixError::UnusableMatrix(UnusableMatrix::SelfRegistrationIsSenior))
    ));
    let without = samples::MATRIX.replace("self_registration_role = \"msa\"", "");
    assert!(matches!(
        node.propose(&without, &samples::operator()),
        Err(MatrixError::UnusableMatrix(UnusableMatrix::NoSelfRegistrationRole))
    ));
    let msa = "[roles.msa]\ngrants = [";
    for resource in ["settings", "audit_log", "user"] {
        let given =
            format!("{msa}\n    {{ resources = [\"{resource}\"], actions = [\"*\"] }},\n    ");
        assert!(samples::MATRIX.contains(msa));
        let open = samples::MATRIX.replace(msa, &given);
        let refused = node.propose(&open, &samples::operator());
        let expected = matches!(
            refused,
            Err(MatrixError::UnusableMatrix(UnusableMatrix::OpenToStrangers { .. }))
        );
        assert!(expected, "{resource}: {refused:?}");
    }
    assert!(matches!(node.propose("roles = 3", &samples::operator()), Err(MatrixError::Faults(_))));
    assert!(matches!(node.activate(7, &samples::operator()), Err(MatrixError::UnknownVersion(7))));
    let version = node.propose(&generous(), &samples::operator()).unwrap();
    assert!(matches!(
        node.activate(version, &samples::principal(deployment.enrol("joan").id, "coordinator")),
        Err(MatrixError::UnusableMatrix(UnusableMatrix::LocksOut { .. }))
    ));
    let grace = deployment.enrol("grace");
    deployment.database.store().execute("UPDATE accounts SET role = 'admin'").unwrap();
    let grace = samples::principal(grace.id, "admin");
    node.activate(version, &grace).unwrap();
}

/// The default matrix in which coordinators may change settings too.
fn delegated() -> String {
    let coordinators = "[roles.coordinator]\njuniors = [\"faculty\", \"clinical_staff\", \"resident\"]\ngrants = [";
    let given = "\n    { resources = [\"settings\"], actions = [\"update\"] },";
    assert!(samples::MATRIX.contains(coordinators));
    samples::MATRIX.replace(coordinators, &format!("{coordinators}{given}"))
}

#[test]
fn nobody_puts_a_matrix_in_force_that_gives_more_than_they_have() {
    let deployment = Deployment::new();
    let node = started(&deployment);
    let delegated = delegated();
    let version = node.propose(&delegated, &samples::operator()).unwrap();
    node.activate(version, &samples::operator()).unwrap();
    let joan = deployment.enrol("joan");
    let store = deployment.database.store();
    store.execute("UPDATE accounts SET role = 'coordinator'").unwrap();
    let coordinator = samples::principal(joan.id, "coordinator");
    let activate = |text: &str| {
        let version = node.propose(text, &coordinator).unwrap();
        node.activate(version, &coordinator)
    };
    // What coordinators have they may give, and take.
    let for_residents = "[roles.resident]\ngrants = [";
    let given = |tokens: &str| {
        assert!(delegated.contains(for_residents));
        delegated.replace(for_residents, &format!("{for_residents}\n    {tokens},"))
    };
    activate(&given("{ resources = [\"schedule\"], actions = [\"delete\"] }")).unwrap();
    for (text, named) in [
        (
            delegated.replace("actions = [\"update\"] },", "actions = [\"update\", \"read\"] },"),
            "coordinator would be allowed to read settings",
        ),
        (
            given("{ resources = [\"user\"], actions = [\"approve\"] }"),
            "coordinator would be allowed to approve user",
        ),
        (
            given("{ resources = [\"absence\"], actions = [\"approve\"] }"),
            "coordinator would be allowed to approve absence",
        ),
        (
            delegated
                .replace("[roles.admin]\njuniors = [\"coordinator\"]", "[roles.admin]\njuniors = [\"faculty\", \"clinical_staff\", \"resident\"]")
                .replace("juniors = [\"faculty\", \"clinical_staff\", \"resident\"]\ngrants = [\n    { resources = [\"settings\"]", "juniors = [\"admin\"]\ngrants = [\n    { resources = [\"settings\"]"),
            "another role would be the most senior one",
        ),
    ] {
        match activate(&text) {
            Err(MatrixError::Escalation(escalation)) => assert_eq!(escalation.to_string(), named),
            other => panic!("{named}: {other:?}"),
        }
    }
    // Nor by rolling back to what somebody more senior had put in force.
    let open = delegated.replace("actions = [\"update\"] },", "actions = [\"*\"] },");
    let version = node.propose(&open, &samples::operator()).unwrap();
    node.activate(version, &samples::operator()).unwrap();
    let version = node.propose(&delegated, &samples::operator()).unwrap();
    node.activate(version, &samples::operator()).unwrap();
    let back = node.roll_back(None, &coordinator);
    assert!(matches!(back, Err(MatrixError::Escalation(_))), "{back:?}");
    assert!(deployment.outcomes("matrix_activated").contains(&"against_rules 4".to_owned()));
    assert_eq!(deployment.outcomes("matrix_rolled_back"), ["against_rules 1"]);

    // Whoever is not that any more decides nothing, whatever their token says.
    for intercept in ["SET role = 'rn'", "SET role = 'coordinator', is_active = false"] {
        store.execute(&format!("UPDATE accounts {intercept}")).unwrap();
        let refused = node.propose(samples::MATRIX, &coordinator);
        assert!(matches!(refused, Err(MatrixError::CallerChanged)), "{refused:?}");
        let version = node.propose(samples::MATRIX, &samples::operator()).unwrap();
        let refused = node.activate(version, &samples::principal(joan.id, "admin"));
        assert!(matches!(refused, Err(MatrixError::CallerChanged)), "{refused:?}");
    }
}

#[test]
fn a_role_that_somebody_has_does_not_vanish() {
    let deployment = Deployment::new();
    let node = started(&deployment);
    deployment.enrol("ada");
    deployment.database.store().execute("UPDATE accounts SET role = 'lpn'").unwrap();
    let start = samples::MATRIX.find("[roles.lpn]").unwrap();
    let end = start + samples::MATRIX[start..].find("[roles.msa]").unwrap();
    let without = format!("{}{}", &samples::MATRIX[..start], &samples::MATRIX[end..])
        .replace("\"rn\", \"lpn\", \"msa\"", "\"rn\", \"msa\"");
    assert!(Matrix::parse(&without).is_ok());
    let version = node.propose(&without, &samples::operator()).unwrap();
    match node.activate(version, &samples::operator()) {
        Err(MatrixError::RolesInUse(roles)) => assert_eq!(roles, [role("lpn")]),
        other => panic!("{other:?}"),
    }
    assert_eq!(deployment.outcomes("matrix_activated"), ["invalid 1", "success 1"]);
    assert_eq!(node.active().load().version, 1);
}

#[test]
fn a_replay_says_who_would_gain_and_lose_in_its_time_only() {
    let deployment = Deployment::new();
    let node = started(&deployment);
    let store = Arc::new(deployment.database.store().clone());
    let policy = RecordingPolicy { strict: true, ..RecordingPolicy::default() };
    let keys = TestDatabase::audit_keys();
    let recorder = Recorder::start(store.clone(), keys, policy, deployment.ambient());
    let decisions = Decisions::new(
        Arc::new(ActiveMatrix::new(samples::matrix()).unwrap()),
        Arc::new(Accounts::start(store, deployment.clock.clone()).unwrap()),
        Arc::new(recorder.unwrap()),
        deployment.clock.clone(),
    );
    let ask = |word: &str, action: &str| {
        let name = format!("{word}-{action}-{}", deployment.now().as_micros());
        let caller = samples::principal(deployment.enrol(&name).id, word);
        let pending = decisions.at_once(caller, vec![Question::own("schedule", action)]);
        decisions.later(pending.unwrap_err(), Duration::from_secs(60)).unwrap();
    };
    ask("resident", "delete");
    deployment.pass(DAY);
    let from = deployment.now();
    ask("resident", "delete");
    deployment.pass(SECOND);
    ask("resident", "delete");
    ask("resident", "read");
    ask("faculty", "delete");
    deployment.pass(SECOND);
    let until = deployment.now();
    ask("resident", "delete");

    let mut seen = 0;
    let mut count = |step: ReplayStep| {
        seen += step.decisions;
        ControlFlow::Continue(())
    };
    let operator = samples::operator();
    let report = node.replay(&generous(), (from, until), &operator, &mut count).unwrap();
    assert_eq!((report.examined, report.gained, report.lost), (4, 2, 0));
    assert_eq!(report.changes.len(), 1);
    let change = &report.changes[0];
    assert_eq!(
        (change.role.as_str(), change.action.as_str(), change.times),
        ("resident", "delete", 2)
    );
    assert!(seen >= 4);
    let all = (Timestamp::from_micros(0), deployment.now() + SECOND);
    let mut go_on = |_: ReplayStep| ControlFlow::Continue(());
    let same = node.replay(samples::MATRIX, all, &operator, &mut go_on).unwrap();
    assert_eq!((same.examined, same.gained, same.lost), (6, 0, 0));
    let mut steps = 0;
    let mut cancel = |_: ReplayStep| {
        steps += 1;
        ControlFlow::Break(())
    };
    let cancelled = node.replay(samples::MATRIX, all, &operator, &mut cancel).unwrap_err();
    assert!(matches!(cancelled, MatrixError::Cancelled) && steps == 1, "{cancelled}");
    assert_eq!(deployment.outcomes("matrix_replayed"), ["success 2"]);
}
