//! Verification: reads the whole audit log once and reports every fault.
//!
//! Each entry is sealed together with its chain, its sequence and the link before it. So an entry
//! that fits its link proves all entries before it in its chain; an entry that does not fit is
//! *suspect*. The entries after a suspect one are checked against the stored link and against the
//! correct link, so that one change is reported once. The kind of the change is determined at the
//! end of the chain: see `suspect`.
//!
//! Links prove nothing about entries that were cut off the end; checkpoints and the list of chains
//! do.

mod chains;
mod checkpoints;
mod entry;
mod report;
mod suspect;
mod verifier;

pub use entry::{EntryProof, EntryVerdict};
pub use report::{Fault, FaultKind, Report};
pub use verifier::Verifier;

pub use checkpoints::StoredCheckpoint;
