//! One entry is verified as the verification of its whole chain does it.

use portcullis_audit::{AuditKeys, EntryProof, EntryVerdict, Fingerprint, Link, StoredContent};

use crate::sample::{SampleLog, keys};

/// Every entry of the log with the link that is stored before it.
fn proofs(log: &SampleLog, keys: &[&AuditKeys]) -> Vec<EntryProof> {
    let before = |index: usize| {
        let previous = log.links.get(index.checked_sub(1)?)?;
        (previous.chain == log.links[index].chain).then_some(previous.link)
    };
    let proof = |index| EntryProof::of(keys, before(index), &log.links[index]);
    (0..log.links.len()).map(proof).collect()
}

#[test]
fn every_entry_of_an_untouched_log_is_intact_under_its_key_and_no_other() {
    let (keys, other) = (keys(), AuditKeys::new([9; 32], [2; 32]));
    let log = SampleLog::new();
    for known in [&[&keys][..], &[&other, &keys], &[&keys, &other]] {
        for (proof, stored) in proofs(&log, known).iter().zip(&log.links) {
            assert_eq!(proof.verdict, EntryVerdict::Intact, "{stored:?}");
            assert_eq!(proof.computed, Some(stored.link));
        }
    }
    for (proof, stored) in proofs(&log, &[&other]).iter().zip(&log.links) {
        assert_eq!(proof.verdict, EntryVerdict::Changed);
        assert_ne!(proof.computed, Some(stored.link));
    }
}

#[test]
fn a_change_shows_at_the_entry_and_a_changed_link_at_the_next_one_too() {
    let (keys, mut log) = (keys(), SampleLog::new());
    let changed = |log: &SampleLog| -> Vec<usize> {
        let proofs = proofs(log, &[&keys]);
        (0..proofs.len()).filter(|index| proofs[*index].verdict != EntryVerdict::Intact).collect()
    };
    log.event(1, 5).outcome = "success".to_owned();
    let event = log.index(crate::sample::chain(1), 5);
    assert_eq!(changed(&log), [event]);
    log.links[event].link = Link::from_bytes([7; 32]);
    assert_eq!(changed(&log), [event, event + 1]);

    let mut log = SampleLog::new();
    log.block(0x20, 2).count += 1;
    assert_eq!(changed(&log), [log.index(crate::sample::chain(0x20), 2)], "a column of a block");
}

#[test]
fn without_the_link_before_it_an_entry_cannot_be_compared() {
    let keys = keys();
    let log = SampleLog::new();
    let stored = &log.links[log.index(crate::sample::chain(1), 5)];
    let proof = EntryProof::of(&[&keys], None, stored);
    assert_eq!((proof.verdict, proof.computed), (EntryVerdict::Unknown, None));
    let StoredContent::Event(event) = &stored.content else { panic!("{stored:?}") };
    assert_eq!(proof.content, Fingerprint::of(&event.payload()));
}
