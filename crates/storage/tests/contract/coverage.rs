//! Coverage of checkpoints: an intruder with write access and without a key cannot make the server sign
//! less than was recorded. The tampering is reported, and the next checkpoints cover every chain.

use std::time::Duration;

use portcullis_audit::{Checkpoint, FaultKind};
use portcullis_domain::{Clock, Timestamp};
use portcullis_flows::audit::checkpoint::CheckpointStore;
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::NOW;

use crate::audited::{Run, checkpoints, event, faults, make_checkpoint, record, verify};
use crate::inspect::outcomes;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Five events and one block, covered by a checkpoint.
fn begun(database: &TestDatabase) -> Checkpoint {
    let store = database.store();
    (0..5).for_each(|_| record(store, &event(NOW)));
    Run::start().decide(store, 5, NOW);
    checkpoints(database).make(MINUTE).unwrap().unwrap()
}

/// Three more events, and the next checkpoint of the server; it is exported.
fn gone_on(database: &TestDatabase) -> Checkpoint {
    (0..3).for_each(|_| record(database.store(), &event(NOW)));
    database.clock().advance(2 * MINUTE);
    checkpoints(database).make(MINUTE).unwrap().expect("it is made whatever was done")
}

/// The alarms that the audit log holds.
fn alarms(store: &Store) -> Vec<String> {
    let details = "SELECT details FROM security_events WHERE kind = 'audit_alarm' ORDER BY details";
    store.texts(details).unwrap()
}

/// Takes the last events of the first chain away, and its row back to them.
fn cut(store: &Store, from: u64) {
    store
        .execute(&format!(
            "DELETE FROM security_events WHERE chain = 0 AND sequence >= {from};
             UPDATE audit_chains SET sequence = {from} - 1, entries = {from} - 1, link =
             (SELECT link FROM security_events WHERE chain = 0 AND sequence = {from} - 1) WHERE id = 0"
        ))
        .unwrap();
}

fn is_named(store: &Store, held: &[Checkpoint], kind: FaultKind, first: u64) {
    let report = verify(store, held);
    let named = faults(&report).iter().any(|fault| (fault.0, fault.1) == (kind, Some(first)));
    assert!(named, "{kind:?} from {first}\n{report}");
}

#[test]
fn a_copy_that_claims_to_be_complete_leaves_no_chain_out() {
    for meddling in [
        "UPDATE audit_checkpointed SET sequence = 9223372036854775807",
        "DELETE FROM audit_checkpointed",
        "UPDATE audit_checkpointed SET link = NULL",
        "INSERT INTO audit_checkpointed (chain, sequence) VALUES (77, 9223372036854775807)",
    ] {
        TestDatabase::on_both(|database| {
            let store = database.store();
            begun(&database);
            store.execute(meddling).unwrap();
            let held = gone_on(&database);
            let chains: Vec<_> =
                held.heads().iter().map(|it| (it.chain.as_i64(), it.sequence)).collect();
            assert_eq!((chains.len(), chains[0]), (2, (0, 8)), "{meddling}: every chain is listed");
            let alarm = [r#"{"alarm":"coverage_changed","checkpoint":1}"#];
            assert_eq!(alarms(store), alarm, "{meddling}");
            assert!(verify(store, std::slice::from_ref(&held)).is_intact());
            cut(store, 7);
            is_named(store, &[held], FaultKind::Truncated, 7);
        });
    }
}

/// A function that forges a checkpoint file from a genuine one.
type Forgery = fn(&str) -> String;

#[test]
fn a_forged_checkpoint_is_not_built_on_whatever_it_says() {
    let number = |file: &str| file.replace("\"number\": 1", "\"number\": 2");
    let forgeries: [(&str, Forgery); 5] = [
        ("a purge", |file| file.replace("\"purged_to\": null", "\"purged_to\": 1")),
        ("a chain covered for ever", |file| {
            file.replace("\"sequence\": 5", "\"sequence\": 9000000000000000000")
        }),
        ("a date in the future", |file| file.replace("\"at\": \"2027", "\"at\": \"2099")),
        ("no form at all", |_| "x".to_owned()),
        ("the one before it once more", str::to_owned),
    ];
    for (what, forge) in forgeries {
        TestDatabase::on_both(|database| {
            let store = database.store();
            let genuine = begun(&database).to_file();
            let following = number(&genuine).replace(
                "\"previous\": null",
                &format!("\"previous\": \"{}\"", Checkpoint::from_file(&genuine).unwrap().digest()),
            );
            let forged = forge(&following);
            let insert = format!(
                "INSERT INTO audit_checkpoints (number, at, file)
                 SELECT 2, at, '{forged}' FROM audit_checkpoints"
            );
            store.execute(&insert).unwrap();
            let held = gone_on(&database);
            assert_eq!(
                (held.number(), held.purged_to(), held.at()),
                (3, None, database.clock().now()),
                "{what}"
            );
            assert_eq!(held.previous().unwrap(), Checkpoint::from_file(&genuine).unwrap().digest());
            assert_eq!(
                alarms(store),
                [r#"{"alarm":"forged_checkpoint","checkpoint":2}"#],
                "{what}"
            );
            let report = verify(store, std::slice::from_ref(&held));
            assert_eq!(
                faults(&report),
                [(FaultKind::BadCheckpoint, None, None)],
                "{what}\n{report}"
            );
            assert_eq!(report.faults[0].checkpoint, Some(2), "{what}");
            assert_eq!(report.purged_to, None, "{what}");

            store.execute("DELETE FROM security_events WHERE chain = 0 AND sequence < 4").unwrap();
            is_named(store, &[held], FaultKind::Missing, 1);
            assert_eq!(
                checkpoints(&database)
                    .purge(DAY, 100, &portcullis_testkit::samples::origin())
                    .unwrap(),
                None
            );
        });
    }
}

#[test]
fn forged_checkpoints_with_any_numbers_stop_neither_the_next_nor_the_export() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let first = begun(&database);
        for number in [2, 3, 5, i64::MAX, i64::MAX - 1, 0, -7] {
            let insert = format!(
                "INSERT INTO audit_checkpoints (number, at, file)
                 SELECT {number}, at, 'x' FROM audit_checkpoints WHERE number = 1"
            );
            store.execute(&insert).unwrap();
        }
        assert_eq!(gone_on(&database).number(), 4);
        let latest = gone_on(&database);
        assert_eq!(latest.number(), 6);
        let checkpoints = checkpoints(&database);
        assert_eq!(checkpoints.find(None).unwrap(), Some(latest.clone()));
        let numbers = |after| {
            let after = checkpoints.after(after).unwrap();
            after.iter().map(Checkpoint::number).collect::<Vec<_>>()
        };
        assert_eq!(
            (numbers(None), numbers(Some(1)), numbers(Some(6))),
            (vec![6], vec![4, 6], vec![])
        );
        assert_eq!(checkpoints.find(Some(1)).unwrap(), Some(first));
    });
}

#[test]
fn a_forged_checkpoint_with_the_greatest_number_is_reported() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        begun(&database);
        let insert = format!(
            "INSERT INTO audit_checkpoints (number, at, file)
             SELECT {}, at, 'x' FROM audit_checkpoints WHERE number = 1",
            i64::MAX
        );
        store.execute(&insert).unwrap();
        assert_eq!(gone_on(&database).number(), 2);
        let expected = format!(r#"{{"alarm":"forged_checkpoint","checkpoint":{}}}"#, i64::MAX);
        assert_eq!(alarms(store), [expected]);
    });
}

#[test]
fn a_tail_that_was_cut_off_before_the_next_checkpoint_is_said_aloud_and_stays_covered() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        begun(&database);
        cut(store, 3);
        store
            .execute("DELETE FROM decision_blocks; DELETE FROM audit_chains WHERE id >= 16")
            .unwrap();
        database.clock().advance(2 * MINUTE);
        checkpoints(&database).make(MINUTE).unwrap();
        let alarms = alarms(store);
        assert_eq!(alarms.len(), 2, "{alarms:?}");
        assert!(alarms.iter().all(|it| it.contains("chain_cut")), "{alarms:?}");
        let held = gone_on(&database);
        is_named(store, std::slice::from_ref(&held), FaultKind::Rewritten, 1);
        is_named(store, &[held], FaultKind::ChainMissing, 1);
    });
}

/// The clock of the database was an hour ahead for a minute, as of a node before there was one clock.
#[test]
fn a_clock_that_was_ahead_is_said_aloud_and_stops_no_checkpoint() {
    TestDatabase::on_both(|database| {
        let (store, clock) = (database.store(), database.clock().clone());
        begun(&database);
        let before = clock.now();
        clock.set(before + DAY);
        let ahead = gone_on(&database);
        clock.set(before + 2 * MINUTE);
        let next = gone_on(&database);
        assert_eq!(
            (next.number(), next.at()),
            (ahead.number() + 1, ahead.at()),
            "and never goes back"
        );
        assert!(alarms(store)[0].contains("future_dated"), "{:?}", alarms(store));
        assert_eq!(outcomes(store, "audit_alarm"), ["invalid 1"]);
        let report = dated(store, clock.now(), &next);
        let named: Vec<_> = report.faults.iter().map(|it| (it.kind, it.checkpoint)).collect();
        let ahead = |number| (FaultKind::FutureDated, Some(number));
        assert_eq!(named, [ahead(2), ahead(3)], "{report}");
        clock.set(before + 2 * DAY);
        assert!(dated(store, clock.now(), &next).is_intact());
    });
}

fn dated(store: &Store, now: Timestamp, held: &Checkpoint) -> portcullis_audit::Report {
    let verification = portcullis_flows::audit::verification::Verification::new(
        std::sync::Arc::new(store.clone()),
    );
    let keys = TestDatabase::audit_keys();
    verification.at(now).verify(&[&keys], std::slice::from_ref(held), &mut || {}).unwrap()
}

#[test]
fn chains_that_ended_long_ago_stay_proven_although_they_are_not_listed() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        begun(&database);
        let held = gone_on(&database);
        let listed: Vec<_> = held.heads().iter().map(|it| it.chain.as_i64()).collect();
        assert_eq!(listed, [0], "only what has moved");
        store
            .execute("DELETE FROM decision_blocks; DELETE FROM audit_chains WHERE id >= 16")
            .unwrap();
        is_named(store, std::slice::from_ref(&held), FaultKind::ChainMissing, 1);
        // Whoever also removes the only checkpoint that lists the chain is found by its absence.
        store.execute("DELETE FROM audit_checkpoints WHERE number = 1").unwrap();
        let report = verify(store, &[held]);
        assert!(faults(&report).iter().any(|it| it.0 == FaultKind::CheckpointMissing), "{report}");
    });
}

/// Checkpoints of the version before say nothing of every chain: the first of this one lists all.
#[test]
fn a_trail_of_the_version_before_goes_on() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        begun(&database);
        store.execute("DELETE FROM audit_checkpointed; DELETE FROM audit_checkpoints").unwrap();
        let first = gone_on(&database);
        assert!(first.lists_every_chain());
        assert_eq!(alarms(store), [""; 0], "nothing was there to contradict");
        let second = make_checkpoint(store, NOW);
        assert_eq!(second, None, "nothing has moved");
        assert!(verify(store, &[first]).is_intact());
        assert_eq!(store.checkpoint(2).unwrap(), None);
    });
}

/// As after `keys accept-secret`: the checkpoints of the lost secret are followed by their digest, and
/// prove themselves to whoever finds it again.
#[test]
fn a_trail_whose_secret_was_lost_goes_on_and_verifies_with_both() {
    TestDatabase::on_both(|database| {
        let lost = std::sync::Arc::new(portcullis_audit::AuditKeys::new([3; 32], [4; 32]));
        let url = portcullis_domain::SecretString::from(database.url());
        let url = portcullis_storage::DatabaseUrl::parse(&url).unwrap();
        let former = Store::new(portcullis_storage::Database::new(&url, 1), lost.clone());
        record(&former, &event(NOW));
        let made = portcullis_flows::audit::checkpoint::Checkpoints::new(
            std::sync::Arc::new(former),
            lost.clone(),
            None,
            database.ambient(),
        );
        let before = made.make(Duration::ZERO).unwrap().unwrap();
        let next = gone_on(&database);
        assert_eq!((next.number(), next.previous()), (2, Some(before.digest())));
        assert!(next.lists_every_chain());
        let verification = portcullis_flows::audit::verification::Verification::new(
            std::sync::Arc::new(database.store().clone()),
        );
        let keys = TestDatabase::audit_keys();
        let report = verification.verify(&[&lost, &keys], &[before, next], &mut || {}).unwrap();
        assert!(report.is_intact(), "{report}");
    });
}
