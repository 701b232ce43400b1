//! A full disk, simulated in SQLite by a maximum size of the file.

use portcullis_flows::StoreError;
use portcullis_flows::audit::recording::DecisionStore;
use portcullis_flows::audit::trail::AuditLogStore;
use portcullis_flows::effects::Effects;
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::NOW;

use crate::audited::{Run, decision, event, person, record, verify};
use crate::inspect::count;

#[test]
fn what_does_not_fit_is_unavailable_leaves_nothing_half_done_and_heals_when_there_is_room() {
    let database = TestDatabase::sqlite();
    let store = database.store();
    let mut run = Run::start();
    run.decide(store, 5, NOW);
    let decisions: Vec<_> = (0..20_000).map(|number| decision(NOW, person(number))).collect();
    let (sequence, link, block) = run.block(&decisions);

    let mut recorded = 0;
    no_more_room(store);
    while recorded < 10_000 && is_recorded(store) {
        recorded += 1;
    }
    assert!(recorded < 10_000, "the disk is never full");
    for _ in 0..3 {
        no_more_room(store);
        assert!(!is_recorded(store));
        let refused = store.append(sequence, link, &block, &Effects::default());
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(count(store, "security_events"), recorded);
    assert_eq!(count(store, "decision_blocks"), 1);
    assert!(verify(store, &[]).is_intact());

    store.execute("PRAGMA max_page_count = 1000000").unwrap();
    record(store, &event(NOW));
    store.append(sequence, link, &block, &Effects::default()).unwrap();
    let report = verify(store, &[]);
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.decisions, 20_005);
}

/// The least that SQLite accepts is the size that the file has.
fn no_more_room(store: &Store) {
    store.execute("PRAGMA max_page_count = 1").unwrap();
}

fn is_recorded(store: &Store) -> bool {
    match AuditLogStore::record(store, &event(NOW)) {
        Ok(()) => true,
        Err(StoreError::Unavailable(_)) => false,
        Err(error) => panic!("{error}"),
    }
}
