//! Clients that request decisions, sign in and activate matrices, and rules that compare the audit log with
//! their answers.
//!
//! The command line exports and verifies the audit log, as an auditor does. The latest checkpoint is kept
//! outside the reach of the server.

mod client;
mod clients;
mod notes;
mod proof;
mod recorded;
mod rules;

pub(crate) use client::Client;
pub(crate) use clients::TestClients;
pub(crate) use notes::Notes;
pub(crate) use proof::{keep_checkpoint, verify};
pub(crate) use recorded::Recorded;
pub(crate) use rules::{broken, lost};
