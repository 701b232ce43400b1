//! Contract of `DecisionStore`.

use portcullis_flows::StoreError;
use portcullis_flows::audit::recording::DecisionStore;
use portcullis_flows::effects::Effects;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::NOW;

use crate::audited::{Run, decision, event, make_checkpoint, person, record, verify};
use crate::inspect::count;

#[test]
fn blocks_move_the_head_of_their_chain() {
    TestDatabase::on_both(|database| {
        let mut run = Run::start();
        for (block, entries) in [(1, 3), (2, 7), (3, 12)] {
            run.decide(database.store(), block + 2, NOW);
            let head = format!("audit_chains WHERE sequence = {block} AND entries = {entries}");
            assert_eq!(count(database.store(), &head), 1, "{head}");
        }
        assert!(verify(database.store(), &[]).is_intact());
    });
}

#[test]
fn the_same_block_again_is_no_error_and_changes_nothing() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        for _ in 0..2 {
            let (sequence, link, block) = run.block(&[decision(NOW, person(1))]);
            store.append(sequence, link, &block, &Effects::default()).unwrap();
            store.append(sequence, link, &block, &Effects::default()).unwrap();
        }
        assert_eq!(count(store, "decision_blocks"), 2);
        assert_eq!(verify(store, &[]).decisions, 2);
    });
}

#[test]
fn an_event_is_appended_with_its_block_once_and_links_are_found_by_their_place() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        store.takes_writes().unwrap();
        let (sequence, link, block) = run.block(&[decision(NOW, person(1))]);
        assert_eq!(store.link_at(run.id(), sequence).unwrap(), None);
        for _ in 0..2 {
            store.append(sequence, link, &block, &event(NOW).into()).unwrap();
        }
        assert_eq!(store.link_at(run.id(), sequence).unwrap(), Some(link));
        assert_eq!((count(store, "security_events"), count(store, "decision_blocks")), (1, 1));
        store.takes_writes().unwrap();
        assert!(verify(store, &[]).is_intact(), "to find out changes nothing");
    });
}

#[test]
fn another_block_in_the_same_place_or_beyond_a_gap_is_refused_and_leaves_nothing() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        let (first, link, block) = run.block(&[decision(NOW, person(1))]);
        store.append(first, link, &block, &Effects::default()).unwrap();
        let (second, other_link, other) = run.block(&[decision(NOW, person(2))]);
        let (third, ..) = run.block(&[decision(NOW, person(3))]);
        for sequence in [first, third] {
            let refused = store.append(sequence, other_link, &other, &Effects::default());
            assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{sequence}");
        }
        assert_eq!(count(store, "decision_blocks"), 1);
        store.append(second, other_link, &other, &Effects::default()).unwrap();
        assert!(verify(store, &[]).is_intact());
    });
}

#[test]
fn a_store_that_is_opened_again_goes_on_with_the_chains() {
    TestDatabase::on_both(|database| {
        let mut run = Run::start();
        for _ in 0..3 {
            let store = database.connect();
            record(&store, &event(NOW));
            run.decide(&store, 2, NOW);
            make_checkpoint(&store, NOW).unwrap();
        }
        let report = verify(database.store(), &[]);
        assert!(report.is_intact(), "{report}");
        assert_eq!((report.events, report.decisions, report.chains), (3, 6, 2));
        assert_eq!((report.checkpoints, report.unproven_tail), (3, 0));
    });
}
