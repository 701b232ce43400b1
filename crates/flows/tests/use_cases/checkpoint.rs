//! Tests of checkpoints and of their alarms.

use std::sync::Arc;

use portcullis_audit::{Checkpoint, FaultKind, Filter};
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::audit::trail::AuditLog;
use portcullis_flows::audit::verification::Verification;
use portcullis_flows::principal::Principal;
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::deployment::{DAY, Deployment, MINUTE, SECOND};

pub(crate) fn checkpoints(deployment: &Deployment) -> Checkpoints {
    let store = Arc::new(deployment.database.store().clone());
    let keys = TestDatabase::audit_keys();
    Checkpoints::new(store, keys, None, deployment.ambient())
}

fn assert_sound(deployment: &Deployment, held: &[Checkpoint]) {
    let verification = Verification::new(Arc::new(deployment.database.store().clone()));
    let report = verification.verify(&[&TestDatabase::audit_keys()], held, &mut || ()).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
}

#[test]
fn a_checkpoint_is_due_when_something_happened_and_the_time_has_come() {
    let deployment = Deployment::new();
    let checkpoints = checkpoints(&deployment);
    assert_eq!(checkpoints.make(MINUTE).unwrap(), None, "nothing has happened");
    deployment.enrol("ada");
    let first = checkpoints.make(MINUTE).unwrap().unwrap();
    assert_eq!(first.number(), 1);
    deployment.enrol("grace");
    assert_eq!(checkpoints.make(MINUTE).unwrap(), None, "it is too early");
    deployment.pass(MINUTE + SECOND);
    let second = checkpoints.make(MINUTE).unwrap().unwrap();
    assert_eq!((second.number(), second.previous()), (2, Some(first.digest())));
    assert_eq!(checkpoints.find(None).unwrap(), Some(second.clone()));
    assert_eq!(checkpoints.find(Some(1)).unwrap(), Some(first));
    assert_eq!(checkpoints.find(Some(3)).unwrap(), None);
    assert_sound(&deployment, &[second]);
}

#[test]
fn nodes_make_one_checkpoint_together() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let made = at_once(8, |_| checkpoints(&deployment).make(MINUTE).unwrap().is_some());
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    assert_eq!(deployment.count("audit_checkpoints"), 1);
}

#[test]
fn what_is_put_below_a_purge_is_found_and_goes_with_the_next() {
    let deployment = Deployment::new();
    let (checkpoints, origin) = (checkpoints(&deployment), samples::origin());
    for name in ["ada", "grace"] {
        deployment.enrol(name);
    }
    checkpoints.make(MINUTE).unwrap().unwrap();
    let store = deployment.database.store();
    store.execute("CREATE TABLE kept AS SELECT * FROM security_events").unwrap();
    deployment.pass(2 * DAY);
    deployment.enrol("today");
    checkpoints.make(MINUTE).unwrap().unwrap();
    assert_eq!(checkpoints.purge(DAY, 100, &origin).unwrap(), Some(1));
    assert_sound(&deployment, &[]);
    store.execute("INSERT INTO security_events SELECT * FROM kept").unwrap();

    let verification = Verification::new(Arc::new(store.clone()));
    let report = verification.verify(&[&TestDatabase::audit_keys()], &[], &mut || ()).unwrap();
    let [fault] = report.faults.as_slice() else { panic!("{report:?}") };
    assert_eq!(
        (fault.kind, fault.sequence, fault.last_sequence),
        (FaultKind::BelowPurge, Some(1), Some(2))
    );
    assert_eq!(checkpoints.purge(DAY, 100, &origin).unwrap(), Some(1));
    assert_sound(&deployment, &[]);
}

#[test]
fn a_purge_goes_by_whole_checkpoints_and_keeps_the_proof() {
    let deployment = Deployment::new();
    let (checkpoints, origin) = (checkpoints(&deployment), samples::origin());
    for name in ["ada", "grace", "joan"] {
        deployment.enrol(name);
    }
    checkpoints.make(MINUTE).unwrap().unwrap();
    deployment.enrol("after-the-first-checkpoint");
    assert_eq!(checkpoints.purge(DAY, 2, &origin).unwrap(), None, "nothing is old enough");
    deployment.pass(2 * DAY);
    deployment.enrol("today");
    let latest = checkpoints.make(MINUTE).unwrap().unwrap();
    assert_eq!(checkpoints.purge(DAY, 2, &origin).unwrap(), Some(1));
    assert_eq!(checkpoints.purge(DAY, 2, &origin).unwrap(), None, "it is gone already");

    assert_sound(&deployment, &[latest]);
    let trail = AuditLog::new(Arc::new(deployment.database.store().clone()), deployment.ambient());
    let left =
        trail.search(&Principal::operator(origin), &Filter::default(), None, 100).unwrap().entries;
    let kinds: Vec<&str> = left.iter().map(|entry| entry.kind.as_ref()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "registration").count(), 2, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "audit_purged").count(), 2);
}
