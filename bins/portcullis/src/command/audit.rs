//! `audit`: verifies, exports and purges the audit log. None of these verbs creates or migrates a
//! database.

mod checkpoint;
mod export;
mod public_key;
mod purge;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;
use portcullis_flows::audit::trail::AuditLogError;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Verify the audit log and report every fault
    Verify(verify::Arguments),
    /// Export entries, newest first, or the whole audit log as an archive
    Export(Box<export::Arguments>),
    /// Write a signed checkpoint of the audit log
    Checkpoint(checkpoint::Arguments),
    /// Print the public key that verifies checkpoints
    PublicKey,
    /// Delete the entries that are older than the retention
    Purge(purge::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Verify(arguments) => verify::run(&loaded, &arguments, output),
        Verb::Export(arguments) => export::run(loaded, &arguments, output),
        Verb::Checkpoint(arguments) => checkpoint::run(loaded, &arguments, output),
        Verb::PublicKey => public_key::run(&loaded, output),
        Verb::Purge(arguments) => purge::run(loaded, &arguments, output),
    }
}

impl From<AuditLogError> for Failure {
    fn from(error: AuditLogError) -> Self {
        match error {
            error @ AuditLogError::TooLarge { .. } => Self::failed(
                error,
                "exclude that time with --from and --until; --format archive contains every entry",
            ),
            AuditLogError::Store(error) => error.into(),
            AuditLogError::Damaged(_) => {
                Self::failed(error, "run `portcullis audit verify`, which reports the place")
            }
        }
    }
}
