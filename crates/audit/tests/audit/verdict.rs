//! Details of a verification report, beyond kind and place of the first fault.

use portcullis_audit::{
    Block, BlockReader, Chain, Checkpoint, EntryId, EventRecord, Fault, FaultKind, Head, Link,
    Report, StoredContent, Verifier,
};
use portcullis_domain::{EventId, SessionId};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::sample::{SampleLog, chain, empty_checkpoint, event, keys, sealed, time};
use crate::tamper::{
    Tampering, append, close_gap, cut, duplicate, edit, follow, insert, other, rebuild, relink,
    restore, swap,
};

#[test]
fn every_column_of_an_event_is_under_the_seal() {
    let changes: &[fn(&mut EventRecord)] = &[
        |it| it.id = EventId::from_uuid(Uuid::from_u128(77)),
        |it| it.at = time(77),
        |it| it.kind = "sign_out".into(),
        |it| it.actor = "operator".into(),
        |it| it.subject = None,
        |it| it.session = Some(SessionId::from_uuid(Uuid::from_u128(77))),
        |it| it.address = "192.0.2.8".into(),
        |it| it.user_agent = None,
        |it| it.request_id = Some(String::new()),
        |it| it.outcome = "success".into(),
        |it| it.details = Some("{}".into()),
    ];
    for change in changes {
        let mut trail = SampleLog::new();
        change(trail.event(1, 5));
        let id = trail.event(1, 5).id;
        let report = trail.verify();
        let [fault] = &report.faults[..] else { panic!("{report}") };
        assert_eq!((fault.kind, fault.entry), (FaultKind::Changed, Some(EntryId::Event(id))));
        assert_eq!((fault.sequence, fault.last_sequence), (Some(5), Some(5)));
    }
}

#[test]
fn in_a_block_the_first_changed_decision_is_named() {
    let original = SampleLog::new().block(0x20, 3).payload.clone();
    let header = original.len() - records_length(&original);
    for at in header..original.len() {
        let mut trail = SampleLog::new();
        trail.block(0x20, 3).payload[at] ^= 0x21;
        let report = trail.verify();
        let [fault] = &report.faults[..] else { panic!("byte {at}:\n{report}") };
        let Some(EntryId::Decision(named)) = fault.entry else { panic!("byte {at}:\n{report}") };
        let intact = usize::try_from(named.ordinal - 21).unwrap();
        let (before, after) = (read(&original), read(&trail.block(0x20, 3).payload));
        assert_eq!(before[..intact], after[..intact], "byte {at}");
    }
}

#[test]
fn what_was_rewritten_with_the_key_is_reported_up_to_each_checkpoint() {
    let mut trail = SampleLog::new();
    rebuild(&mut trail, &keys());
    let report = trail.verify();
    let found: Vec<_> = report.faults.iter().filter(|it| it.chain == Some(chain(1))).collect();
    let found: Vec<_> =
        found.iter().map(|it| (it.sequence, it.last_sequence, it.checkpoint)).collect();
    let fault = |first, last, checkpoint| (Some(first), Some(last), Some(checkpoint));
    assert_eq!(found, [fault(1, 10, 1), fault(11, 20, 2), fault(21, 27, 3)]);
}

#[test]
fn every_entry_is_blamed_once() {
    let faults = |trail: &SampleLog| {
        let report = trail.verify();
        report.faults.iter().map(|it| (it.kind, it.sequence)).collect::<Vec<_>>()
    };
    let mut trail = SampleLog::new();
    trail.event(1, 30).outcome = "success".into();
    assert_eq!(faults(&trail), [(FaultKind::Changed, Some(30))]);
    let mut trail = SampleLog::new();
    trail.event(1, 5).outcome = "success".into();
    append(&mut trail, false);
    assert_eq!(faults(&trail), [(FaultKind::Changed, Some(5)), (FaultKind::Inserted, Some(31))]);
}

#[test]
fn a_swap_of_two_entries_is_reported_from_both_ends_and_nothing_else() {
    let mut trail = SampleLog::new();
    swap(&mut trail, 1, 5, 12);
    let report = trail.verify();
    let found: Vec<_> = report.faults.iter().map(|it| (it.sequence, it.kind)).collect();
    let moved = |to| FaultKind::Reordered { belongs: Some(to) };
    assert_eq!(found, [(Some(5), moved(12)), (Some(12), moved(5))]);
}

#[test]
fn a_removed_range_is_reported_with_its_end_however_it_is_hidden() {
    for tamper in [|t: &mut SampleLog| t.remove(1, 5, 9), |t: &mut SampleLog| close_gap(t, 1, 5, 9)]
    {
        let mut trail = SampleLog::new();
        tamper(&mut trail);
        let report = trail.verify();
        assert_eq!(report.faults[0].sequence.zip(report.faults[0].last_sequence), Some((5, 9)));
        assert_eq!(report.faults[0].entry, None);
    }
}

#[test]
fn inserted_entries_are_reported_with_their_end() {
    let mut trail = SampleLog::new();
    for last in 5..8 {
        insert(&mut trail, 1, 5);
        let report = trail.verify();
        assert_eq!(report.faults[0].kind, FaultKind::Inserted);
        assert_eq!(report.faults[0].sequence.zip(report.faults[0].last_sequence), Some((5, last)));
    }
}

#[test]
fn the_faults_of_checkpoints_name_each_checkpoint_once() {
    let edited: Tampering = |t| edit(t, 0, "\"sequence\": 10", "\"sequence\": 11");
    let (bad, missing) = (FaultKind::BadCheckpoint, FaultKind::CheckpointMissing);
    let cases: [(Tampering, &[(u64, FaultKind)]); 6] = [
        (|t| drop(t.checkpoints.remove(0)), &[(1, missing)]),
        (|t| drop(t.checkpoints.remove(1)), &[(2, missing)]),
        (edited, &[(1, bad)]),
        (|t| t.checkpoints[2].number = 4, &[(3, missing), (4, bad)]),
        (|t| t.checkpoints.swap(1, 2), &[(2, bad), (2, missing)]),
        (restore, &[(2, FaultKind::RolledBack)]),
    ];
    for (tamper, expected) in cases {
        let mut trail = SampleLog::new();
        tamper(&mut trail);
        let report = trail.verify();
        let of_checkpoints = report.faults.iter().filter(|it| it.chain.is_none());
        let found: Vec<_> = of_checkpoints.map(|it| (it.checkpoint.unwrap(), it.kind)).collect();
        assert_eq!(found, expected, "{report}");
    }
}

#[test]
fn a_checkpoint_that_was_replaced_with_the_key_is_noticed_by_the_next_and_by_the_exported_one() {
    let mut trail = SampleLog::new();
    let first = Checkpoint::from_file(&trail.checkpoints[0].file).unwrap();
    let forged = empty_checkpoint(&keys(), Some(&first));
    trail.checkpoints[1].file = forged.to_file();
    let numbers: Vec<_> = trail.verify().faults.iter().map(|it| (it.kind, it.checkpoint)).collect();
    let bad = |number| (FaultKind::BadCheckpoint, Some(number));
    let uncovered = (FaultKind::Uncovered, Some(2));
    assert_eq!(numbers, [bad(2), uncovered, bad(3)], "it forgets every chain");
}

#[test]
fn an_exported_checkpoint_that_others_signed_proves_nothing() {
    let mut trail = SampleLog::new();
    trail.held = vec![empty_checkpoint(&other(), None)];
    let report = trail.verify();
    assert_eq!(report.faults[0].kind, FaultKind::BadCheckpoint);
    assert_eq!(report.held_checkpoint, None);
}

#[test]
fn the_latest_checkpoint_may_be_the_one_that_was_kept() {
    let mut trail = SampleLog::new();
    trail.held = vec![Checkpoint::from_file(&trail.checkpoints[2].file).unwrap()];
    let report = trail.verify();
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.held_checkpoint, report.unproven_tail), (Some(3), 26));
}

#[test]
fn what_only_the_exported_checkpoint_can_show_goes_unnoticed_without_it() {
    let mut trail = SampleLog::new();
    restore(&mut trail);
    trail.held.clear();
    let report = trail.verify();
    assert!(report.is_intact());
    assert!(report.to_string().contains("the restore of an older backup would not be noticed"));
}

#[test]
fn a_trail_that_outlives_a_secret_goes_on_with_the_next_key_and_never_back() {
    let (old, new) = (keys(), other());
    let mut trail = SampleLog::new();
    trail.checkpoints.clear();
    trail.held.clear();
    let mut end = Chain::genesis(chain(0), &old);
    for sequence in 1..=30 {
        let payload = trail.event(0, sequence).payload();
        let keys = if sequence <= 12 { &old } else { &new };
        let index = trail.index(chain(0), sequence);
        trail.links[index].link = end.append(keys, &payload).1;
    }
    follow(&mut trail, 0);
    assert!(trail.verify_with(&[&old, &new]).is_intact());
    assert_eq!(trail.verify_with(&[&old]).faults[0].sequence, Some(13));
    // Whoever has the old key only cannot go on with it where the new one was in use.
    let payload = trail.event(0, 30).payload();
    let index = trail.index(chain(0), 29);
    let (_, forged) = Chain::resume(chain(0), 29, trail.links[index].link).append(&old, &payload);
    trail.links[index + 1].link = forged;
    follow(&mut trail, 0);
    assert_eq!(trail.verify_with(&[&old, &new]).faults[0].sequence, Some(30));
}

#[test]
fn a_chain_that_was_written_anew_with_the_new_key_begins_with_it() {
    let trail = SampleLog::written_with(&other());
    assert!(trail.verify_with(&[&keys(), &other()]).is_intact());
}

#[test]
fn a_checkpoint_signed_with_a_former_key_is_not_accepted_behind_the_new_one() {
    let (old, new) = (keys(), other());
    let mut trail = SampleLog::new();
    (trail.links, trail.heads, trail.held) = (Vec::new(), Vec::new(), Vec::new());
    trail.checkpoints.clear();
    for (number, keys, faults) in [(1, &old, 0), (2, &new, 0), (3, &old, 1)] {
        trail.checkpoint(keys, number, Vec::new(), None);
        assert_eq!(trail.verify_with(&[&old, &new]).faults.len(), faults, "{number}");
    }
}

/// The rows that the migration makes carry no link.
#[test]
fn a_chain_without_entries_ends_where_it_begins() {
    let mut trail = SampleLog::new();
    let empty = Head { chain: chain(5), sequence: 0, entries: 0, link: Link::from_bytes([0; 32]) };
    trail.heads.push(empty);
    let report = trail.verify();
    assert_eq!((report.is_intact(), report.chains), (true, 4));
    trail.heads.push(Head { chain: chain(6), entries: 1, ..empty });
    assert_eq!(trail.verify().faults[0].kind, FaultKind::HeadChanged);
}

#[test]
fn a_report_says_in_plain_sentences_what_was_found() {
    let mut trail = SampleLog::new();
    trail.block(0x20, 3).payload[400] ^= 1;
    swap(&mut trail, 1, 5, 12);
    cut(&mut trail, 0x30, 1);
    trail.remove(0, 2, 4);
    let report = trail.verify();
    let expected = [
        "Read 57 security events and 70 decisions in 4 chains, and 3 checkpoints.",
        "FAULT: events 2 to 4 of chain 0000000000000000: removed",
        "FAULT: event 5 of chain 0000000000000001 (id 00000000-0000-0000-0000-0000000003f4): out \
         of order; it belongs at 12",
        "FAULT: event 12 of chain 0000000000000001 (id 00000000-0000-0000-0000-0000000003ed): out \
         of order; it belongs at 5",
        "FAULT: block 3 of chain 0000000000000020 (from decision 0000000000000020-23 on): changed \
         after it was written, or written without the key",
        "FAULT: blocks 2 to 5 of chain 0000000000000030: cut off the end, as checkpoint 1 shows",
        "Keep this database as it is, compare it with your latest backup, and suspect every user with \
         write access to it.",
        "The 40 entries after checkpoint 2, which was kept elsewhere, are proven only by what is \
         stored beside them.",
    ];
    assert_eq!(report.to_string().lines().collect::<Vec<_>>(), expected);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["faults"][1],
        json!({
            "chain": "0000000000000001",
            "sequence": 5,
            "last_sequence": 5,
            "entry": "00000000-0000-0000-0000-0000000003f4",
            "fault": "reordered",
            "belongs": 12,
        })
    );
}

#[test]
fn entries_that_are_read_out_of_order_are_reported() {
    let trail = SampleLog::new();
    let keys = keys();
    let mut verifier = Verifier::new(&[&keys], &trail.checkpoints, &trail.held);
    for chain in [0, 1, 0] {
        let index = trail.index(crate::sample::chain(chain), 1);
        verifier.push(&trail.links[index]);
    }
    let report = verifier.finish(&trail.heads);
    let out_of_order = |it: &&Fault| it.kind == FaultKind::Reordered { belongs: None };
    assert_eq!(report.faults.iter().filter(out_of_order).count(), 1);
}

#[test]
fn so_many_faults_are_counted_and_the_first_described() {
    let mut trail = SampleLog::new();
    let mut links = sealed(&keys(), chain(1), (1..=500).map(|n| StoredContent::Event(event(n))));
    for link in links.iter_mut().step_by(2) {
        link.content = StoredContent::Event(event(999));
    }
    trail.remove(1, 1, 30);
    trail.links.extend(links);
    follow(&mut trail, 1);
    let report = trail.verify();
    assert_eq!(report.faults.len(), Report::MAX_FAULTS);
    assert!(report.faults_in_all >= 250, "{}", report.faults_in_all);
    assert!(report.to_string().contains("more faults"));
}

proptest! {
    #[test]
    fn whatever_is_done_to_an_entry_it_is_found(
        id in prop::sample::select(vec![0_i64, 1, 0x20, 0x30]),
        sequence in 1_u64..=6,
        to in 1_u64..=6,
        what in 0..5,
        byte in any::<prop::sample::Index>(),
    ) {
        let mut trail = SampleLog::new();
        match what {
            0 => trail.remove(id, sequence, sequence),
            1 => relink(&mut trail, id, sequence),
            2 => duplicate(&mut trail, id, sequence),
            3 if sequence != to => swap(&mut trail, id, sequence, to),
            _ if id < 16 => trail.event(id, sequence).at = time(12_345),
            _ => {
                let payload = &mut trail.block(id, sequence).payload;
                let at = byte.index(payload.len());
                payload[at] ^= 4;
            }
        }
        let report = trail.verify();
        prop_assert!(!report.is_intact());
        prop_assert_eq!(report.faults[0].chain, Some(chain(id)));
        prop_assert!(report.faults[0].sequence <= Some(sequence));
        prop_assert!(report.to_string().contains("FAULT"));
    }
}

/// The decisions that can be read.
fn read(payload: &[u8]) -> Vec<String> {
    let mut decisions = Vec::new();
    let mut reader = BlockReader::new(payload).unwrap();
    while let Ok(Some(decision)) = reader.read() {
        decisions.push(format!("{decision:?}"));
    }
    decisions
}

fn records_length(payload: &[u8]) -> usize {
    let filter = Block::from_payload(payload.to_vec()).unwrap().filter.len();
    payload.len() - (1 + 8 + 8 + 4 + 8 + 8 + 2 + filter)
}
