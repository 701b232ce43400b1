//! Contract of `SealedEntryStore`: one entry as its chain has it, and the checkpoint that covers it.

use portcullis_audit::{
    DecisionId, EntryId, EntryProof, EntryVerdict, SecurityEvent, StoredContent,
};
use portcullis_domain::{EventId, SystemRandom};
use portcullis_flows::audit::entry_proof::{SealedEntry, SealedEntryStore};
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::NOW;

use crate::audited::{Run, checkpoints, event, make_checkpoint, record};

fn sealed(store: &Store, id: EntryId) -> SealedEntry {
    store.sealed_entry(id).unwrap().expect("it is stored")
}

fn verdict(sealed: &SealedEntry) -> EntryVerdict {
    let keys = TestDatabase::audit_keys();
    EntryProof::of(&[&*keys], sealed.before, &sealed.stored).verdict
}

/// Records so many events, which go to several chains.
fn events(store: &Store, count: usize) -> Vec<EntryId> {
    let events: Vec<SecurityEvent> = (0..count).map(|_| event(NOW)).collect();
    for event in &events {
        record(store, event);
    }
    events.iter().map(|event| EntryId::Event(event.id)).collect()
}

#[test]
fn an_event_is_found_with_its_neighbours_and_is_intact_until_somebody_changes_it() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ids = events(store, 40);
        for id in &ids {
            let found = sealed(store, *id);
            assert_eq!(verdict(&found), EntryVerdict::Intact, "{database:?}");
            let (chain, sequence) = (found.stored.chain, found.stored.sequence);
            assert_eq!(store.link_at(chain, sequence).unwrap(), Some(found.stored.link));
            assert_eq!(found.before.is_none(), sequence == 1);
            for (neighbour, place) in [(found.previous, sequence - 1), (found.next, sequence + 1)] {
                let Some(neighbour) = neighbour else { continue };
                let neighbour = sealed(store, neighbour).stored;
                assert_eq!((neighbour.chain, neighbour.sequence), (chain, place));
            }
        }
        assert!(ids.iter().any(|id| sealed(store, *id).next.is_some()), "{database:?}");
        store.execute("UPDATE security_events SET outcome = 'locked'").unwrap();
        assert_eq!(verdict(&sealed(store, ids[7])), EntryVerdict::Changed, "{database:?}");
        let unknown = EntryId::Event(EventId::generate(NOW, &SystemRandom));
        assert!(store.sealed_entry(unknown).unwrap().is_none());
    });
}

#[test]
fn a_decision_is_found_in_its_block_with_the_decisions_around_it() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let mut run = Run::start();
        (0..3).for_each(|_| drop(run.decide(store, 5, NOW)));
        let decision = |ordinal| DecisionId { chain: run.id(), ordinal };
        for ordinal in 1..=15 {
            let found = sealed(store, EntryId::Decision(decision(ordinal)));
            assert_eq!(verdict(&found), EntryVerdict::Intact, "{ordinal} {database:?}");
            assert_eq!(found.stored.sequence, (ordinal - 1) / 5 + 1);
            let place = |other| Some(EntryId::Decision(decision(other)));
            assert_eq!(found.previous, place(ordinal - 1).filter(|_| ordinal > 1));
            assert_eq!(found.next, place(ordinal + 1).filter(|_| ordinal < 15));
            assert!(matches!(found.stored.content, StoredContent::Block(_)));
        }
        for ordinal in [0, 16, u64::MAX] {
            let unknown = EntryId::Decision(decision(ordinal));
            assert!(store.sealed_entry(unknown).unwrap().is_none(), "{ordinal}");
        }
    });
}

#[test]
fn the_latest_checkpoint_covers_what_was_there_when_it_was_made() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let proofs = checkpoints(&database);
        let mut run = Run::start();
        run.decide(store, 2, NOW);
        assert!(proofs.covering(run.id(), 1).unwrap().is_none(), "there is no checkpoint");
        make_checkpoint(store, NOW).unwrap();
        events(store, 1);
        let latest = make_checkpoint(store, NOW).unwrap();
        // The latest one does not list the chain, which has not moved since the one before.
        let (checkpoint, head) = proofs.covering(run.id(), 1).unwrap().expect("it is covered");
        assert_eq!(checkpoint, latest, "{database:?}");
        assert_eq!(store.link_at(run.id(), head.sequence).unwrap(), Some(head.link));
        run.decide(store, 2, NOW);
        assert!(proofs.covering(run.id(), 2).unwrap().is_none(), "it is newer");
        store.execute("UPDATE audit_checkpoints SET file = ''").unwrap();
        assert!(proofs.covering(run.id(), 1).unwrap().is_none(), "none is signed");
    });
}
