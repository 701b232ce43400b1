//! Contract of `CheckpointStore`.

use std::time::Duration;

use portcullis_audit::{Checkpoint, Head, Purge, PurgePlan};
use portcullis_domain::Timestamp;
use portcullis_flows::audit::checkpoint::CheckpointStore;
use portcullis_storage::Store;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestDatabase, at_once};

use crate::audited::{
    Run, checkpoints, event, make_checkpoint, make_purging_checkpoint, record, verify,
};
use crate::inspect::count;

#[test]
fn a_checkpoint_names_the_chains_that_moved_since_the_one_before() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        assert_eq!(make_checkpoint(store, NOW), None, "nothing has happened yet");
        record(store, &event(NOW));
        run.decide(store, 3, NOW);
        let first = make_checkpoint(store, NOW).unwrap();
        let standing = |checkpoint: &Checkpoint| {
            let standing = |head: &Head| (head.chain.as_i64(), head.sequence, head.entries);
            checkpoint.heads().iter().map(standing).collect::<Vec<_>>()
        };
        assert_eq!(standing(&first), [(0, 1, 1), (run.id().as_i64(), 1, 3)]);
        assert_eq!(make_checkpoint(store, NOW), None, "nothing has moved");
        run.decide(store, 2, NOW);
        let second = make_checkpoint(store, NOW).unwrap();
        assert_eq!(standing(&second), [(run.id().as_i64(), 2, 5)]);
        assert_eq!(second.previous(), Some(first.digest()));
        let both = [second.clone(), first.clone()];
        let mut stored = Vec::new();
        store
            .walk_back(&mut |it| {
                stored.push(Checkpoint::from_file(&it.file).unwrap());
                true
            })
            .unwrap();
        assert_eq!(stored, both);
        assert_eq!(store.checkpoint(1).unwrap(), Some(first));
        assert_eq!(store.checkpoint(3).unwrap(), None);
    });
}

#[test]
fn of_eight_nodes_that_make_one_at_once_one_does() {
    TestDatabase::on_both(|database| {
        record(database.store(), &event(NOW));
        let nodes: Vec<Store> = (0..8).map(|_| database.connect()).collect();
        let made = at_once(8, |number| {
            record(&nodes[number], &event(NOW));
            checkpoints(&database).make(Duration::from_secs(60)).unwrap()
        });
        assert_eq!(made.iter().flatten().count(), 1, "{database:?}");
        assert_eq!(count(database.store(), "audit_checkpoints"), 1);
    });
}

#[test]
fn a_purge_removes_whole_checkpoints_in_portions_and_what_is_left_verifies() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        for day in 0..3 {
            let at = NOW + Duration::from_secs(day * 86_400);
            (0..10).for_each(|_| record(store, &event(at)));
            (0..4).for_each(|_| drop(run.decide(store, 5, at)));
            make_checkpoint(store, at).unwrap();
        }
        let keep_from = NOW + Duration::from_secs(2 * 86_400);
        let purge = plan_purge(store, keep_from).unwrap();
        record(store, &event(keep_from));
        let stating = make_purging_checkpoint(store, keep_from, Some(purge.to)).unwrap();
        let removed: Vec<u64> = purge.heads.iter().map(|head| remove(store, head)).collect();
        assert_eq!((purge.to, removed), (2, vec![20, 40]));
        let report = verify(store, &[stating]);
        assert!(report.is_intact(), "{report}");
        assert_eq!((report.purged_to, report.events, report.decisions), (Some(2), 11, 20));
        record(store, &event(keep_from));
        assert!(verify(store, &[]).is_intact(), "the chains go on");
    });
}

#[test]
fn what_is_removed_without_a_checkpoint_that_says_so_is_missed() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        (0..10).for_each(|_| record(store, &event(NOW)));
        let checkpoint = make_checkpoint(store, NOW).unwrap();
        assert_eq!(remove(store, &checkpoint.heads()[0]), 10);
        assert!(!verify(store, &[]).is_intact());
    });
}

fn plan_purge(store: &Store, keep_from: Timestamp) -> Option<Purge> {
    let mut plan = PurgePlan::new(keep_from);
    store.walk_back(&mut |it| plan.take(&Checkpoint::from_file(&it.file).unwrap())).unwrap();
    plan.finish()
}

/// Removes in portions as the use case does; answers how many are gone.
fn remove(store: &Store, head: &Head) -> u64 {
    let mut removed = 0;
    loop {
        let portion = store.remove_entries(head, 3).unwrap();
        removed += portion;
        if portion < 3 {
            return removed;
        }
    }
}
