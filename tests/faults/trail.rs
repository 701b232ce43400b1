//! Clients that ask for decisions, sign in and activate matrices, and the rules by which the audit
//! trail is held against what they were told.
//!
//! The trail is read and proven by the command line, as an auditor does, and the latest checkpoint is
//! kept where the server cannot reach it.

mod client;
mod crew;
mod notes;
mod proof;
mod recorded;
mod rules;

pub(crate) use client::Client;
pub(crate) use crew::Crew;
pub(crate) use notes::Notes;
pub(crate) use proof::{keep_checkpoint, verify};
pub(crate) use recorded::Recorded;
pub(crate) use rules::{broken, lost};
