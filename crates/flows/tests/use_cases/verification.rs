//! Verification of the audit log in the database, and in an exported archive.

use std::io;
use std::sync::Arc;

use portcullis_audit::{FaultKind, verify_archive};
use portcullis_domain::Clock;
use portcullis_flows::audit::verification::{ReadError, Verification};
use portcullis_testkit::TestDatabase;

use crate::checkpoint::checkpoints;
use crate::deployment::{DAY, Deployment, MINUTE};

fn verification(deployment: &Deployment) -> Verification {
    Verification::new(Arc::new(deployment.database.store().clone()))
}

#[test]
fn an_archive_proves_without_the_database_what_the_database_proves() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        for name in ["ada", "grace"] {
            deployment.enrol(name);
        }
        let held = [checkpoints(&deployment).make(MINUTE).unwrap().unwrap()];
        deployment.enrol("joan");
        let (verification, keys) = (verification(&deployment), TestDatabase::audit_keys());
        let (mut archive, mut seen) = (Vec::new(), 0);
        verification.archive(&mut archive, &mut || seen += 1).unwrap();
        assert_eq!((seen, verification.entries().unwrap()), (3, 3));
        let mut proved = 0;
        let there = verification.verify(&[&keys], &held, &mut || proved += 1).unwrap();
        let elsewhere = verify_archive(&[&keys], &held, &*archive).unwrap();
        assert!(there.is_intact(), "{there}");
        assert_eq!((proved, there.to_string()), (3, elsewhere.to_string()));

        deployment
            .database
            .store()
            .execute("DELETE FROM security_events WHERE sequence = 1")
            .unwrap();
        let there = verification.verify(&[&keys], &held, &mut || ()).unwrap();
        assert_eq!(there.faults[0].kind, FaultKind::Missing, "{there}");
    });
}

#[test]
fn an_archive_that_cannot_be_written_is_not_taken_for_a_whole_one() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let full = io::Cursor::new([0; 8]);
    let failed = verification(&deployment).archive(full, &mut || ()).unwrap_err();
    assert!(matches!(failed, ReadError::Write(_)), "{failed}");
}

#[test]
fn a_checkpoint_of_the_future_is_named_only_where_the_time_is_told() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let now = deployment.clock.now();
    deployment.pass(DAY);
    checkpoints(&deployment).make(MINUTE).unwrap().unwrap();
    let keys = TestDatabase::audit_keys();
    let faults =
        |verification: Verification| verification.verify(&[&keys], &[], &mut || ()).unwrap().faults;
    let named = faults(verification(&deployment).at(now));
    assert_eq!(named.iter().map(|it| it.kind).collect::<Vec<_>>(), [FaultKind::FutureDated]);
    assert!(faults(verification(&deployment).at(deployment.now())).is_empty());
    assert!(faults(verification(&deployment)).is_empty());
}
