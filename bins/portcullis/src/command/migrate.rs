//! `migrate`: migrates the database to the schema of this version.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::opening;
use crate::output::Output;

/// The options of the migration.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Drop the security events of an early version that did not seal them; without this option a
    /// database with unsealed events is not migrated
    #[arg(long)]
    drop_unsealed_events: bool,
}

pub(crate) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    let (applied, dropped) = opening::migrated(&config, arguments.drop_unsealed_events)?;
    output.answer(&Report { applied, unsealed_events_dropped: dropped })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Report {
    applied: Vec<String>,
    unsealed_events_dropped: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.applied.is_empty() {
            return write!(f, "The database is up to date.");
        }
        self.applied.iter().try_for_each(|version| writeln!(f, "applied {version}"))?;
        match self.unsealed_events_dropped {
            0 => Ok(()),
            events => write!(f, "dropped {events} security events without a seal"),
        }
    }
}
