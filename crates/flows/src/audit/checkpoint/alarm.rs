//! Alarms: mismatches between the stored audit log and its trusted checkpoints, each reported once.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use portcullis_audit::{ChainId, Checkpoint, Details, Origin, TrailAlarm};

/// A change of the stored audit log by an attacker, or a wrong clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alarm {
    what: TrailAlarm,
    checkpoint: Option<u64>,
    chain: Option<ChainId>,
}

/// The alarms found before the next checkpoint is made.
pub(super) fn found(
    latest: Option<&Checkpoint>,
    refused: Option<u64>,
    is_proven: bool,
    is_ahead: bool,
    cut: &[ChainId],
) -> Vec<Alarm> {
    let number = latest.map(Checkpoint::number);
    let about = |what, checkpoint| Alarm { what, checkpoint, chain: None };
    let refused = refused.map(|refused| about(TrailAlarm::ForgedCheckpoint, Some(refused)));
    let has_copy = latest.is_some_and(|latest| latest.coverage().is_some());
    let changed = (has_copy && !is_proven).then(|| about(TrailAlarm::CoverageChanged, number));
    let ahead = is_ahead.then(|| about(TrailAlarm::FutureDated, number));
    let cut = cut
        .iter()
        .take(MAX_REMEMBERED)
        .map(|chain| Alarm { chain: Some(*chain), ..about(TrailAlarm::ChainCut, number) });
    [refused, changed, ahead].into_iter().flatten().chain(cut).collect()
}

/// The origin of the event of an alarm.
pub(super) fn origin() -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some("portcullis checkpoints".to_owned()),
        request_id: None,
    }
}

impl Alarm {
    pub(super) fn log(&self) {
        let Self { what, checkpoint, chain } = self;
        let chain = chain.map(|chain| chain.to_string());
        tracing::error!(
            alarm = what.as_str(),
            checkpoint,
            chain,
            "the audit log is not as the latest checkpoint says, or a clock is wrong; run \
             `portcullis audit verify` with a checkpoint that was kept elsewhere"
        );
    }

    pub(super) const fn details(&self) -> Details {
        let Self { what, checkpoint, chain } = *self;
        Details::TrailAlarm { alarm: what, checkpoint, chain }
    }
}

/// Alarms that were reported before. After `MAX_REMEMBERED` alarms no further alarm is reported.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    known: Mutex<BTreeSet<Alarm>>,
    raised: AtomicU64,
}

const MAX_REMEMBERED: usize = 256;

impl Alarms {
    /// The alarms that were not reported before.
    pub(super) fn raise(&self, found: Vec<Alarm>) -> Vec<Alarm> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // The checkpoint that a chain was cut below, or that shows a clock that is ahead, changes
        // every minute.
        let same = |new: &Alarm, old: &Alarm| {
            new.what == old.what
                && new.chain == old.chain
                && (new.checkpoint == old.checkpoint
                    || !matches!(new.what, TrailAlarm::ForgedCheckpoint))
        };
        let mut new = Vec::new();
        for alarm in found {
            if known.len() < MAX_REMEMBERED && !known.iter().any(|old| same(&alarm, old)) {
                known.insert(alarm);
                new.push(alarm);
            }
        }
        self.raised.fetch_add(u64::try_from(new.len()).unwrap_or(0), Ordering::Relaxed);
        new
    }

    pub(super) fn raised(&self) -> u64 {
        self.raised.load(Ordering::Relaxed)
    }
}
