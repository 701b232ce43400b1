//! Retention: the entries that a purge may delete, and the verification after it.

use portcullis_audit::{Checkpoint, FaultKind, Purge, PurgePlan, StoredCheckpoint};
use portcullis_domain::Timestamp;

use crate::sample::{SampleLog, chain, keys, time};

fn parsed(checkpoints: &[StoredCheckpoint]) -> Vec<Checkpoint> {
    checkpoints.iter().map(|it| Checkpoint::from_file(&it.file).unwrap()).collect()
}

fn plan_purge(checkpoints: &[Checkpoint], keep_from: Timestamp) -> Option<Purge> {
    let mut plan = PurgePlan::new(keep_from);
    let _wanted: Vec<_> =
        checkpoints.iter().rev().take_while(|checkpoint| plan.take(checkpoint)).collect();
    plan.finish().filter(|purge| purge.is_new)
}

/// The checkpoints of the sample were made at 100, 200 and 300 seconds.
#[test]
fn a_purge_goes_up_to_the_last_checkpoint_that_is_old_enough() {
    let checkpoints = parsed(&SampleLog::new().checkpoints);
    for (keep_from, to) in [(100, None), (101, Some(1)), (250, Some(2)), (9_999, Some(3))] {
        let plan = plan_purge(&checkpoints, time(keep_from));
        assert_eq!(plan.map(|plan| plan.to), to, "{keep_from}");
    }
    assert_eq!(plan_purge(&[], time(9_999)), None);
}

#[test]
fn what_is_purged_already_is_not_purged_again() {
    let mut trail = SampleLog::new();
    trail.checkpoint(&keys(), 4, Vec::new(), Some(2));
    let checkpoints = parsed(&trail.checkpoints);
    assert_eq!(plan_purge(&checkpoints, time(250)), None);
    assert_eq!(plan_purge(&checkpoints, time(350)).map(|plan| plan.to), Some(3));
}

/// A chain that did not move between two checkpoints is named by the first only.
#[test]
fn the_plan_covers_chains_that_stood_still() {
    let mut trail = SampleLog::new();
    trail.checkpoints.truncate(1);
    let mut moved = trail.heads_at(20, 4);
    moved.retain(|head| head.chain == chain(1));
    trail.checkpoint(&keys(), 2, moved, None);
    let plan = plan_purge(&parsed(&trail.checkpoints), time(9_999)).unwrap();
    let ends: Vec<_> = plan.heads.iter().map(|head| (head.chain, head.sequence)).collect();
    assert_eq!(ends, [(chain(0), 10), (chain(1), 20), (chain(0x20), 2), (chain(0x30), 2)]);
}

fn purged() -> SampleLog {
    let mut trail = SampleLog::new();
    let plan = plan_purge(&parsed(&trail.checkpoints), time(250)).unwrap();
    trail.checkpoint(&keys(), 4, Vec::new(), Some(plan.to));
    for head in &plan.heads {
        trail.remove(head.chain.as_i64(), 1, head.sequence);
    }
    trail
}

#[test]
fn a_purged_trail_is_intact_and_begins_where_the_checkpoint_says() {
    let report = purged().verify();
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.purged_to, report.events, report.decisions), (Some(2), 20, 40));
    assert_eq!(report.unproven_tail, 60);
    assert!(report.to_string().contains("What checkpoint 2 covers was removed by retention"));
}

#[test]
fn what_is_left_below_a_purge_is_named_because_nothing_proves_it() {
    let mut trail = SampleLog::new();
    trail.checkpoint(&keys(), 4, Vec::new(), Some(2));
    trail.remove(1, 3, 17);
    let report = trail.verify();
    let left = report.faults.iter().filter(|fault| fault.kind == FaultKind::BelowPurge);
    assert_eq!(left.clone().count(), report.faults.len(), "{report}");
    assert!(left.map(|fault| fault.sequence).any(|first| first == Some(1)));
    assert!(report.to_string().contains("audit purge"));
}

#[test]
fn a_purge_that_no_checkpoint_states_is_a_removal() {
    let mut trail = SampleLog::new();
    for id in [0, 1] {
        trail.remove(id, 1, 20);
    }
    let report = trail.verify();
    let fault = &report.faults[0];
    assert_eq!((fault.kind, fault.sequence), (FaultKind::Missing, Some(1)));
    assert_eq!(fault.last_sequence, Some(20));
}

#[test]
fn more_than_was_purged_may_not_be_missing() {
    let mut trail = purged();
    trail.remove(1, 21, 21);
    let fault = &trail.verify().faults[0];
    assert_eq!(
        (fault.kind, fault.chain, fault.sequence),
        (FaultKind::Missing, Some(chain(1)), Some(21))
    );
    let mut trail = purged();
    trail.event(1, 21).outcome = "success".into();
    let fault = &trail.verify().faults[0];
    assert_eq!((fault.kind, fault.sequence), (FaultKind::Changed, Some(21)));
}

/// A run of a node that ended long ago leaves neither entries nor a row in the list of chains.
#[test]
fn a_chain_that_was_purged_to_its_end_may_be_gone() {
    let mut trail = SampleLog::new();
    let mut heads = trail.heads_at(27, 6);
    heads.retain(|head| head.chain == chain(0x30));
    trail.checkpoint(&keys(), 4, heads, None);
    trail.checkpoint(&keys(), 5, Vec::new(), Some(4));
    for (id, last) in [(0, 27), (1, 27), (0x20, 5), (0x30, 6)] {
        trail.remove(id, 1, last);
    }
    trail.heads.retain(|head| head.chain != chain(0x30));
    let report = trail.verify();
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.chains, 4);
}
