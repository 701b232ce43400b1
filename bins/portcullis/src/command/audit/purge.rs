//! `audit purge`: deletes old entries by whole checkpoints. The remaining audit log can still be
//! verified.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use portcullis_domain::Ambient;
use serde::Serialize;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, opening, progress};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Entries deleted in one transaction: few enough that other writers do not wait for long.
const BATCH_SIZE: u32 = 10_000;

/// The retention.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Keep the entries of this many days [default: the configured retention]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    older_than: Option<u32>,
}

pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    let keep = arguments.older_than.map(|days| DAY * days).or(config.audit.retention).ok_or_else(
        || Failure::usage("there is no retention: set audit.retention_days, or --older-than"),
    )?;
    let origin = local_origin("audit purge");
    let (store, secret) = opening::needed_store(&config, &origin)?;
    let checkpoints = assembly::audit::checkpoints(&store, &config, &secret, &Ambient::system());
    let waiting = progress::waiting("deleting old entries", output);
    let purged_to = checkpoints.purge(keep, BATCH_SIZE, &origin)?;
    waiting.finish_and_clear();
    output.answer(&PurgeOutput { purged_to })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct PurgeOutput {
    purged_to: Option<u64>,
}

impl fmt::Display for PurgeOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.purged_to {
            Some(to) => write!(
                f,
                "The entries up to checkpoint {to} were deleted. Write a new checkpoint now with \
                 `portcullis audit checkpoint`, and keep it on another machine."
            ),
            None => f.write_str("No checkpoint is old enough; no entry was deleted."),
        }
    }
}
