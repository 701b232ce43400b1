//! Checkpoint alarm: a contradiction to the latest checkpoint is reported once, and checkpoints continue.

use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_testkit::TestDatabase;

use crate::checkpoint::checkpoints;
use crate::deployment::{DAY, Deployment, MINUTE, SECOND};

#[test]
fn a_sound_trail_raises_no_alarm() {
    let deployment = Deployment::new();
    let checkpoints = begun(&deployment);
    go_on(&deployment, &checkpoints);
    assert_eq!((checkpoints.alarms(), deployment.details("audit_alarm")), (0, vec![]));
}

#[test]
fn each_thing_that_was_done_to_the_trail_is_said_once() {
    let cut = "DELETE FROM security_events WHERE sequence > 1;
               UPDATE audit_chains SET sequence = 1, entries = 1,
               link = (SELECT link FROM security_events WHERE sequence = 1)";
    let cases = [
        (forgery(2), r#"{"alarm":"forged_checkpoint","checkpoint":2}"#),
        (
            "DELETE FROM audit_checkpointed".to_owned(),
            r#"{"alarm":"coverage_changed","checkpoint":1}"#,
        ),
        (cut.to_owned(), r#"{"alarm":"chain_cut","checkpoint":1,"chain":"0000000000000000"}"#),
    ];
    for (intercepted_store, expected) in cases {
        TestDatabase::on_both(|database| {
            let deployment = Deployment::on(database);
            let checkpoints = begun(&deployment);
            deployment.database.store().execute(&intercepted_store).unwrap();
            // Of a chain that was cut every later checkpoint finds the same.
            for _ in 0..3 {
                go_on(&deployment, &checkpoints);
            }
            assert_eq!(deployment.details("audit_alarm"), [expected], "{intercepted_store}");
            assert_eq!(checkpoints.alarms(), 1, "{intercepted_store}");
        });
    }
}

#[test]
fn a_clock_that_was_ahead_is_said_once_for_all_checkpoints_that_it_dates() {
    let deployment = Deployment::new();
    let checkpoints = begun(&deployment);
    deployment.pass(DAY);
    go_on(&deployment, &checkpoints);
    deployment.back(DAY);
    for _ in 0..3 {
        go_on(&deployment, &checkpoints);
    }
    assert_eq!(deployment.details("audit_alarm"), [r#"{"alarm":"future_dated","checkpoint":2}"#]);
    assert_eq!(checkpoints.alarms(), 1);
}

#[test]
fn a_forged_checkpoint_before_the_known_one_is_said_too_and_a_new_start_says_it_again() {
    let deployment = Deployment::new();
    let checkpoints = begun(&deployment);
    for number in [20, 10] {
        deployment.database.store().execute(&forgery(number)).unwrap();
        go_on(&deployment, &checkpoints);
    }
    let all = [20, 10].map(|it| format!(r#"{{"alarm":"forged_checkpoint","checkpoint":{it}}}"#));
    assert_eq!(deployment.details("audit_alarm"), all);
    go_on(&deployment, &self::checkpoints(&deployment));
    assert_eq!(deployment.details("audit_alarm"), [&all[..], &all[1..]].concat());
}

#[test]
fn no_more_alarms_are_raised_than_anybody_reads() {
    let deployment = Deployment::new();
    let checkpoints = begun(&deployment);
    for number in 0..300 {
        deployment.database.store().execute(&forgery(1_000 - number)).unwrap();
        go_on(&deployment, &checkpoints);
    }
    assert_eq!((checkpoints.alarms(), deployment.details("audit_alarm").len()), (256, 256));
    assert_eq!(deployment.count("audit_checkpoints"), 1 + 600, "and all checkpoints were made");
}

/// Something happened, and a checkpoint covers it.
fn begun(deployment: &Deployment) -> Checkpoints {
    let checkpoints = checkpoints(deployment);
    deployment.enrol("ada");
    deployment.enrol("grace");
    checkpoints.make(MINUTE).unwrap().expect("it is due");
    checkpoints
}

/// Something else happens, and the next checkpoint covers it.
fn go_on(deployment: &Deployment, checkpoints: &Checkpoints) {
    let number = deployment.count("accounts");
    deployment.enrol(&format!("user-{number}"));
    deployment.pass(MINUTE + SECOND);
    checkpoints.make(MINUTE).unwrap().expect("it is made whatever was done");
}

/// Stores a checkpoint that nobody has signed.
fn forgery(number: u64) -> String {
    format!(
        "INSERT INTO audit_checkpoints (number, at, file)
         SELECT {number}, at, 'x' FROM audit_checkpoints WHERE number = 1"
    )
}
