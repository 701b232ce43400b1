//! `audit`: the trail, proven and taken elsewhere. None of these verbs makes a database or brings
//! one up to date.

mod checkpoint;
mod export;
mod public_key;
mod purge;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;
use portcullis_flows::audit::trail::TrailError;

use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with the audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Prove that nothing was changed, removed, added or moved, or name what was
    Verify(verify::Arguments),
    /// Write entries, newest first, or the whole trail as an archive
    Export(Box<export::Arguments>),
    /// Sign where the trail stands now, to be kept on another machine
    Checkpoint(checkpoint::Arguments),
    /// Print the public key that checkpoints are signed with
    PublicKey,
    /// Remove what is old enough, by whole checkpoints
    Purge(purge::Arguments),
}

pub(crate) fn run(loaded: Loaded, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Verify(arguments) => verify::run(&loaded, &arguments, output),
        Verb::Export(arguments) => export::run(loaded, &arguments, output),
        Verb::Checkpoint(arguments) => checkpoint::run(loaded, &arguments, output),
        Verb::PublicKey => public_key::run(&loaded, output),
        Verb::Purge(arguments) => purge::run(loaded, &arguments, output),
    }
}

impl From<TrailError> for Failure {
    fn from(error: TrailError) -> Self {
        match error {
            error @ TrailError::TooLarge { .. } => Self::failed(
                error,
                "leave that time out with --from and --until; --format archive holds all of it",
            ),
            TrailError::Store(error) => error.into(),
            TrailError::Damaged(_) => Self::failed(error, "`portcullis audit verify` says where"),
        }
    }
}
