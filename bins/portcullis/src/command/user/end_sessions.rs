//! `user end-sessions --everybody`: ends all sessions of all accounts.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_flows::identity::account_change::ChangeError;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The confirmation that the sessions of all accounts end.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Confirm that the sessions of all accounts end (required)
    #[arg(long, required = true)]
    everybody: bool,
}

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    let operator = operator("user end-sessions");
    let OpenedDatabase { store, .. } = opening::opened_existing(config, &operator.origin)?;
    let ended = assembly::sign_in::mass_sign_out(&store, config).end_all(&operator);
    let sessions_ended = ended.map_err(|error| match error {
        ChangeError::Store(error) => error.into(),
        error => Failure::failed(error, "run the command again"),
    })?;
    output.answer(&EndSessionsOutput { sessions_ended })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct EndSessionsOutput {
    sessions_ended: u64,
}

impl fmt::Display for EndSessionsOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sessions have ended. Every user must sign in again.", self.sessions_ended)
    }
}
