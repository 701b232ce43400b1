//! Concurrent appends from several nodes: every event is in exactly one chain once.

use std::collections::BTreeSet;

use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestDatabase, at_once};

use crate::audited::{Run, event, make_checkpoint, record, verify};
use crate::inspect::count;

const EACH: usize = 20;

#[test]
fn of_fifty_threads_that_append_at_once_every_event_is_there_once_and_the_chains_verify() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let recorded = at_once(52, |number| match number {
            50 => {
                (0..10).for_each(|_| drop(make_checkpoint(store, NOW)));
                Vec::new()
            }
            51 => {
                let mut run = Run::start();
                (0..10).for_each(|_| drop(run.decide(store, 5, NOW)));
                Vec::new()
            }
            _ => {
                let events: Vec<_> = (0..EACH).map(|_| event(NOW)).collect();
                for event in &events {
                    record(store, event);
                }
                events.into_iter().map(|event| event.id).collect()
            }
        });
        let recorded: BTreeSet<_> = recorded.into_iter().flatten().collect();
        assert_eq!(recorded.len(), 50 * EACH);
        assert_eq!(count(store, "security_events"), 1000);
        let latest = make_checkpoint(store, NOW);
        let report = verify(store, latest.as_slice());
        assert!(report.is_intact(), "{report}");
        assert_eq!((report.events, report.decisions, report.unproven_tail), (1000, 50, 0));
    });
}
