//! `Report` and `Fault`: the result of a verification, printed as sentences.

use std::fmt;

use portcullis_domain::Timestamp;
use serde::Serialize;

use crate::{ChainId, ChainKind, EntryId};

/// The result of a verification. Prints as plain sentences that state the next step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The number of security events that were read.
    pub events: u64,
    /// The number of decisions that were read.
    pub decisions: u64,
    /// The number of chains that were read.
    pub chains: u64,
    /// The number of stored checkpoints that were read, without those kept elsewhere.
    pub checkpoints: u64,
    /// The latest stored checkpoint that is intact.
    pub last_checkpoint: Option<u64>,
    /// The time of that checkpoint.
    pub last_checkpoint_at: Option<Timestamp>,
    /// The latest intact checkpoint that was kept elsewhere.
    pub held_checkpoint: Option<u64>,
    /// The checkpoint up to which entries were removed, as a checkpoint states.
    pub purged_to: Option<u64>,
    /// The number of entries after the latest checkpoint: the latest one kept elsewhere if there is
    /// one, or else the latest one stored. If further entries had been cut off the end, no check
    /// could detect it.
    pub unproven_tail: u64,
    /// The faults, in the order of the chains and of the entries in them; at most
    /// [`Report::MAX_FAULTS`].
    pub faults: Vec<Fault>,
    /// The number of all faults.
    pub faults_in_all: u64,
}

impl Report {
    /// The maximum of faults that are described one by one.
    pub const MAX_FAULTS: usize = 100;

    /// Returns whether there are no faults.
    pub const fn is_intact(&self) -> bool {
        self.faults_in_all == 0
    }

    /// Returns the number of events and decisions together.
    pub const fn entries(&self) -> u64 {
        self.events.saturating_add(self.decisions)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, decisions, chains, checkpoints, .. } = self;
        writeln!(
            f,
            "Read {events} security events and {decisions} decisions in {chains} chains, and \
             {checkpoints} checkpoints."
        )?;
        if let Some(purged_to) = self.purged_to {
            writeln!(f, "What checkpoint {purged_to} covers was removed by retention, as signed.")?;
        }
        if self.is_intact() {
            writeln!(f, "Nothing was changed, removed, added or moved.")?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT: {fault}")?;
        }
        let unnamed = self.faults_in_all.saturating_sub(self.faults.len().try_into().unwrap_or(0));
        if unnamed > 0 {
            writeln!(f, "... and {unnamed} more faults.")?;
        }
        if !self.is_intact() {
            writeln!(
                f,
                "Keep this database as it is, compare it with your latest backup, and suspect \
                 every user with write access to it."
            )?;
        }
        self.write_tail(f)
    }
}

impl Report {
    fn write_tail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = self.unproven_tail;
        match (self.held_checkpoint, self.last_checkpoint) {
            (Some(held), _) => write!(
                f,
                "The {tail} entries after checkpoint {held}, which was kept elsewhere, are proven \
                 only by what is stored beside them."
            ),
            (None, Some(last)) => write!(
                f,
                "The {tail} entries after checkpoint {last} are proven only by what is stored \
                 beside them. No checkpoint kept elsewhere was given: the restore of an older \
                 backup would not be noticed. Export one now and keep it on another machine."
            ),
            (None, None) => write!(
                f,
                "There is no checkpoint: had entries been cut off the end, nobody could tell. \
                 Export a checkpoint now and keep it on another machine."
            ),
        }
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The chain of the fault; `None` for a fault of checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// The first entry affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The last entry affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sequence: Option<u64>,
    /// The event, or the decision inside the block, if it can be determined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// The checkpoint that is faulty, or that shows the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
    /// The kind of the fault.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
#[non_exhaustive]
pub enum FaultKind {
    /// Content and link do not fit: the entry was changed after it was written, or written without
    /// the key.
    Changed,
    /// All entries from here to the end of the chain were written without the key.
    Rebuilt,
    /// The entries fit each other, but not the checkpoint: rewritten by a holder of the key.
    Rewritten,
    /// Entries are missing, and later ones exist.
    Missing,
    /// Entries exist that the server did not write.
    Inserted,
    /// An entry is at the place of another.
    Reordered {
        /// The original sequence, if it can be determined.
        belongs: Option<u64>,
    },
    /// Two entries have this sequence.
    Duplicated,
    /// Entries at the end of the chain are missing.
    Truncated,
    /// All entries of the chain are missing.
    ChainMissing,
    /// The chain is not in the list of chains.
    Foreign,
    /// Entries exist that retention has removed, as a signed checkpoint states: a purge was
    /// interrupted, or the entries were inserted. Nothing proves them.
    BelowPurge,
    /// The list of chains does not state the end of the chain.
    HeadChanged,
    /// A checkpoint is damaged, forged, or not the one that was exported.
    BadCheckpoint,
    /// The digest of a checkpoint does not match the heads that it and those before it list.
    Uncovered,
    /// A checkpoint is dated in the future: a clock was ahead.
    FutureDated,
    /// A checkpoint is missing, and later ones exist.
    CheckpointMissing,
    /// The checkpoints end before the one that was kept elsewhere: an older state was restored.
    RolledBack,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(chain) = self.chain {
            self.write_place(f, chain)?;
        } else if let Some(checkpoint) = self.checkpoint {
            write!(f, "checkpoint {checkpoint}")?;
        }
        f.write_str(": ")?;
        f.write_str(self.kind.phrase())?;
        match self.kind {
            FaultKind::Reordered { belongs: Some(belongs) } => {
                write!(f, "; it belongs at {belongs}")
            }
            FaultKind::Rewritten | FaultKind::Truncated | FaultKind::ChainMissing => {
                match self.checkpoint {
                    Some(checkpoint) => write!(f, ", as checkpoint {checkpoint} shows"),
                    None => f.write_str(", as the list of chains shows"),
                }
            }
            _ => Ok(()),
        }
    }
}

impl FaultKind {
    const fn phrase(self) -> &'static str {
        match self {
            Self::Changed => "changed after it was written, or written without the key",
            Self::Rebuilt => {
                "written without the key, to the end of the chain. If this is so in every chain \
                 from its start, the key is not the one that the audit log was written with: give the \
                 former secret as well"
            }
            Self::Rewritten => "rewritten by a holder of the key",
            Self::Missing | Self::CheckpointMissing => "removed",
            Self::Inserted => "not written by the server",
            Self::Reordered { .. } => "out of order",
            Self::Duplicated => "there twice",
            Self::Truncated => "cut off the end",
            Self::ChainMissing => "removed with the whole chain",
            Self::Foreign => {
                "in a chain that is not in the list of chains: the chain was made up, or its row \
                 was removed"
            }
            Self::BelowPurge => {
                "there, although a checkpoint says that it was removed: a purge was cut off, or it \
                 was put there afterwards. Run `audit purge`, which removes it"
            }
            Self::HeadChanged => "not as the list of chains says that the chain ends",
            Self::BadCheckpoint => "changed, forged, or not the one that was exported",
            Self::Uncovered => {
                "different from earlier ones in the heads of the chains: one of them was made by a \
                 holder of the key"
            }
            Self::FutureDated => {
                "dated in the future: the clock of a node or of the database was ahead, or this one is \
                 behind"
            }
            Self::RolledBack => {
                "kept elsewhere, and not in the database: an older state was restored"
            }
        }
    }
}

impl Fault {
    /// Creates a fault without a place, which is set later.
    pub(super) const fn of(kind: FaultKind) -> Self {
        Self {
            chain: None,
            sequence: None,
            last_sequence: None,
            entry: None,
            checkpoint: None,
            kind,
        }
    }

    /// Sets the chain, and the first and the last sequence.
    pub(super) const fn at(self, chain: ChainId, first: u64, last: u64) -> Self {
        Self { chain: Some(chain), sequence: Some(first), last_sequence: Some(last), ..self }
    }

    fn write_place(&self, f: &mut fmt::Formatter<'_>, chain: ChainId) -> fmt::Result {
        let what = match chain.kind() {
            ChainKind::Events => "event",
            ChainKind::Decisions => "block",
        };
        match (self.sequence, self.last_sequence) {
            (Some(first), Some(last)) if first < last => {
                write!(f, "{what}s {first} to {last} of chain {chain}")?;
            }
            (Some(first), _) => write!(f, "{what} {first} of chain {chain}")?,
            (None, _) => write!(f, "chain {chain}")?,
        }
        match self.entry {
            Some(EntryId::Event(id)) => write!(f, " (id {id})"),
            Some(EntryId::Decision(id)) => write!(f, " (from decision {id} on)"),
            None => Ok(()),
        }
    }
}
