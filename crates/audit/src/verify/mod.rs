//! Verification: reads the whole trail once and names what was done to it.
//!
//! Each entry is sealed together with its chain, its place and the link before it. So an entry that
//! fits its link proves everything before it in its chain, and one that does not is *suspect*. What
//! follows a suspect entry is still checked, against the link that is stored and against the link
//! that would be right, so that one change is reported once. What was done to the suspects is
//! found out at the end of their chain: see `suspect`.
//!
//! Links say nothing about entries that were cut off the end; checkpoints and the list of chains do.

mod chains;
mod checkpoints;
mod report;
mod suspect;
mod verifier;

pub use report::{Fault, FaultKind, Report};
pub use verifier::Verifier;

pub use checkpoints::StoredCheckpoint;
