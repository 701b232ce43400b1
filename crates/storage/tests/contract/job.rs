//! Contract of `JobStore`.

use std::time::Duration;

use portcullis_flows::node::job::{Claim, ClaimResult, JobRecord, JobStore, Run};
use portcullis_storage::Store;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestDatabase, at_once};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(600);
const RETRY: Duration = Duration::from_secs(30);

const ONE: [u8; 16] = [1; 16];
const OTHER: [u8; 16] = [2; 16];

fn claim(store: &Store, holder: &[u8; 16]) -> ClaimResult {
    let claim = Claim { job: "sessions", holder, every: EVERY, hold: MINUTE };
    store.claim_job(&claim).unwrap()
}

fn finish(store: &Store, holder: &[u8; 16], failure: Option<&str>) {
    let (duration, retry) = (2 * SECOND, RETRY);
    let run = Run { job: "sessions", holder, duration, done: 7, failure, retry };
    store.finish_job(&run).unwrap();
}

fn record(store: &Store) -> JobRecord {
    let [record] = store.jobs().unwrap().try_into().expect("there is one job");
    record
}

#[test]
fn of_many_who_claim_a_job_at_once_one_has_it_whether_it_ever_ran_or_not() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for _ in ["first", "again"] {
            let claimed = at_once(20, |number| {
                claim(store, &[u8::try_from(number).expect("few of them") + 10; 16])
            });
            let granted = claimed.iter().filter(|claimed| **claimed == ClaimResult::Yes);
            assert_eq!(granted.count(), 1, "{database:?}");
            database.clock().advance(EVERY);
        }
    });
}

#[test]
fn a_job_is_due_again_after_its_time_on_whichever_node_and_after_a_restart() {
    TestDatabase::on_both(|database| {
        let (here, there) = (database.store(), database.connect());
        assert_eq!(claim(here, &ONE), ClaimResult::Yes);
        assert_eq!(claim(here, &ONE), ClaimResult::Yes, "the holder of a claim keeps it");
        assert_eq!(claim(&there, &OTHER), ClaimResult::NotBefore(EVERY));
        finish(here, &ONE, None);
        for (holder, store) in [(ONE, here), (OTHER, &there), ([3; 16], &database.connect())] {
            assert_eq!(claim(store, &holder), ClaimResult::NotBefore(EVERY));
        }
        database.clock().set(NOW + EVERY - SECOND);
        assert_eq!(claim(&there, &OTHER), ClaimResult::NotBefore(SECOND));
        database.clock().advance(SECOND);
        assert_eq!(claim(&there, &OTHER), ClaimResult::Yes);
    });
}

#[test]
fn a_claim_that_ran_out_is_lost_to_the_next_and_its_end_says_nothing_any_more() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(claim(store, &ONE), ClaimResult::Yes);
        database.clock().advance(EVERY);
        assert_eq!(claim(store, &OTHER), ClaimResult::Yes, "the node that had it is gone");
        finish(store, &ONE, Some("too late"));
        assert_eq!(record(store).failure, None);
        assert_eq!(claim(store, &ONE), ClaimResult::NotBefore(EVERY));
    });
}

#[test]
fn how_a_run_ended_is_kept_and_what_failed_is_due_sooner() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(store.jobs().unwrap(), []);
        claim(store, &ONE);
        database.clock().advance(SECOND);
        finish(store, &ONE, Some("the disk is full"));
        let failed = record(store);
        assert!(failed.is_failing());
        assert_eq!((failed.started_at, failed.failed_at), (NOW, Some(NOW + SECOND)));
        assert_eq!(failed.failure.as_deref(), Some("the disk is full"));
        assert_eq!((failed.every, failed.duration), (EVERY, 2 * SECOND));
        assert_eq!(claim(store, &ONE), ClaimResult::NotBefore(RETRY));
        database.clock().advance(RETRY);
        assert_eq!(claim(store, &ONE), ClaimResult::Yes);
        database.clock().advance(SECOND);
        finish(store, &ONE, None);
        let mended = record(store);
        assert!(!mended.is_failing());
        assert_eq!(mended.succeeded_at, Some(NOW + RETRY + 2 * SECOND));
        assert_eq!(store.number("SELECT done FROM jobs").unwrap(), 14);
    });
}

#[test]
fn a_clock_that_was_ahead_for_a_moment_does_not_stop_a_job() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let hour = 60 * MINUTE;
        database.clock().advance(hour);
        assert_eq!(claim(store, &ONE), ClaimResult::Yes);
        database.clock().set(NOW);
        assert_eq!(claim(store, &OTHER), ClaimResult::Yes, "held and due too far ahead to be true");
    });
}
