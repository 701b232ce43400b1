//! Every kind of tampering with a stored audit log, and the fault that the report must name.

use portcullis_audit::{FaultKind, Link};

use crate::sample::{SampleLog, chain, keys, time};
use crate::tamper::{
    Tampering, append, close_gap, cut, duplicate, edit, flip, forget, insert, make_up, other,
    rebuild, relink, restore, swap,
};

/// A change of the audit log, and the first fault that the report must name.
type Case = (&'static str, Tampering, FaultKind, Option<i64>, Option<u64>);

const E: Option<i64> = Some(1);
const D: Option<i64> = Some(0x20);

#[test]
fn every_tampering_is_found_and_named() {
    for (what, tamper, kind, id, sequence) in CASES {
        let mut trail = SampleLog::new();
        tamper(&mut trail);
        let report = trail.verify();
        let first = report.faults.first().unwrap_or_else(|| panic!("{what}: nothing found"));
        let found = (first.kind, first.chain, first.sequence);
        assert_eq!(found, (*kind, id.map(chain), *sequence), "{what}:\n{report}");
    }
}

#[test]
fn an_untouched_trail_is_intact() {
    let report = SampleLog::new().verify();
    assert_eq!(report.faults, []);
    assert!(report.is_intact());
    assert_eq!((report.events, report.decisions, report.chains), (60, 120, 4));
    assert_eq!((report.checkpoints, report.last_checkpoint), (3, Some(3)));
    assert_eq!(report.held_checkpoint, Some(2));
    assert_eq!(report.entries(), 180);
    // 10 events and 20 decisions in each of two chains are newer than the exported checkpoint.
    assert_eq!(report.unproven_tail, 60);
}

const CASES: &[Case] = &[
    (
        "change an event",
        |t| t.event(1, 5).outcome = "success".into(),
        FaultKind::Changed,
        E,
        Some(5),
    ),
    (
        "change the last event",
        |t| t.event(1, 30).outcome = "x".into(),
        FaultKind::Changed,
        E,
        Some(30),
    ),
    ("change the link of an event", |t| relink(t, 1, 5), FaultKind::Changed, E, Some(5)),
    ("delete one event", |t| t.remove(1, 5, 5), FaultKind::Missing, E, Some(5)),
    ("delete the first event", |t| t.remove(1, 1, 1), FaultKind::Missing, E, Some(1)),
    ("delete a range of events", |t| t.remove(1, 5, 9), FaultKind::Missing, E, Some(5)),
    ("delete a range and close the gap", |t| close_gap(t, 1, 5, 9), FaultKind::Missing, E, Some(5)),
    (
        "delete blocks and close the gap",
        |t| close_gap(t, 0x20, 2, 3),
        FaultKind::Missing,
        D,
        Some(2),
    ),
    ("insert a forged event", |t| insert(t, 1, 5), FaultKind::Inserted, E, Some(5)),
    (
        "insert a forged event before the last",
        |t| insert(t, 1, 30),
        FaultKind::Inserted,
        E,
        Some(30),
    ),
    ("append a forged event", |t| append(t, false), FaultKind::Inserted, E, Some(31)),
    (
        "append a forged event and move the head",
        |t| append(t, true),
        FaultKind::Changed,
        E,
        Some(31),
    ),
    (
        "swap two events",
        |t| swap(t, 1, 5, 12),
        FaultKind::Reordered { belongs: Some(12) },
        E,
        Some(5),
    ),
    (
        "swap neighbours",
        |t| swap(t, 1, 5, 6),
        FaultKind::Reordered { belongs: Some(6) },
        E,
        Some(5),
    ),
    (
        "swap the last two",
        |t| swap(t, 1, 29, 30),
        FaultKind::Reordered { belongs: Some(30) },
        E,
        Some(29),
    ),
    (
        "swap two blocks",
        |t| swap(t, 0x20, 2, 5),
        FaultKind::Reordered { belongs: Some(5) },
        D,
        Some(2),
    ),
    ("duplicate an event", |t| duplicate(t, 1, 5), FaultKind::Duplicated, E, Some(5)),
    ("duplicate a block", |t| duplicate(t, 0x20, 5), FaultKind::Duplicated, D, Some(5)),
    (
        "cut the tail behind the last checkpoint",
        |t| t.remove(1, 29, 30),
        FaultKind::Truncated,
        E,
        Some(29),
    ),
    ("cut the tail and move the head", |t| cut(t, 1, 20), FaultKind::Truncated, E, Some(21)),
    ("cut the blocks and move the head", |t| cut(t, 0x20, 1), FaultKind::Truncated, D, Some(2)),
    ("rebuild with another key", |t| rebuild(t, &other()), FaultKind::Rebuilt, Some(0), Some(1)),
    ("rebuild with the key", |t| rebuild(t, &keys()), FaultKind::Rewritten, Some(0), Some(1)),
    ("restore an older state", restore, FaultKind::RolledBack, None, None),
    ("remove a whole chain", |t| t.remove(1, 1, 30), FaultKind::ChainMissing, E, Some(1)),
    ("remove a whole chain and its head", |t| forget(t, 0x20), FaultKind::ChainMissing, D, Some(1)),
    (
        "remove the head of a chain",
        |t| t.heads.retain(|h| h.chain != chain(1)),
        FaultKind::Foreign,
        E,
        Some(1),
    ),
    ("make up a chain", make_up, FaultKind::Foreign, Some(2), Some(1)),
    (
        "move the head back",
        |t| t.heads[1] = t.heads_at(20, 4)[1],
        FaultKind::HeadChanged,
        E,
        Some(30),
    ),
    (
        "change the link of the head",
        |t| t.heads[1].link = Link::from_bytes([0; 32]),
        FaultKind::HeadChanged,
        E,
        Some(30),
    ),
    (
        "change the count of the head",
        |t| t.heads[1].entries += 1,
        FaultKind::HeadChanged,
        E,
        Some(30),
    ),
    (
        "remove a checkpoint",
        |t| drop(t.checkpoints.remove(0)),
        FaultKind::CheckpointMissing,
        None,
        None,
    ),
    (
        "edit a checkpoint",
        |t| edit(t, 0, "\"sequence\": 10", "\"sequence\": 11"),
        FaultKind::BadCheckpoint,
        None,
        None,
    ),
    (
        "edit the exported checkpoint",
        |t| edit(t, 1, "\"entries\": 20", "\"entries\": 21"),
        FaultKind::BadCheckpoint,
        None,
        None,
    ),
    ("swap two checkpoints", |t| t.checkpoints.swap(0, 1), FaultKind::BadCheckpoint, None, None),
    (
        "duplicate a checkpoint",
        |t| t.checkpoints.push(t.checkpoints[2].clone()),
        FaultKind::BadCheckpoint,
        None,
        None,
    ),
    ("remove all checkpoints", |t| t.checkpoints.clear(), FaultKind::RolledBack, None, None),
    ("edit inside a block", |t| flip(t, 0x20, 3, 400), FaultKind::Changed, D, Some(3)),
    ("edit the version of a block", |t| flip(t, 0x20, 3, 0), FaultKind::Changed, D, Some(3)),
    ("change the count of a block", |t| t.block(0x20, 3).count = 9, FaultKind::Changed, D, Some(3)),
    (
        "change the filter of a block",
        |t| t.block(0x20, 3).filter[1] ^= 1,
        FaultKind::Changed,
        D,
        Some(3),
    ),
    (
        "change the time of a block",
        |t| t.block(0x20, 3).until = time(0),
        FaultKind::Changed,
        D,
        Some(3),
    ),
    (
        "move an event to another chain",
        |t| t.event_to(0, 31),
        FaultKind::Inserted,
        Some(0),
        Some(31),
    ),
];
