//! `audit`: the trail, proven and taken elsewhere. None of these verbs makes a database or brings
//! one up to date.

mod checkpoint;
mod export;
mod public_key;
mod purge;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use portcullis_flows::audit::trail::TrailError;

use self::export::AuditExport;
use self::verify::AuditVerify;
use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with the audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// Prove that nothing was changed, removed, added or moved, or name what was
    Verify(AuditVerify),
    /// Write entries, newest first, or the whole trail as an archive
    Export(Box<AuditExport>),
    /// Sign where the trail stands now, to be kept on another machine
    Checkpoint {
        /// Write it to this file [default: standard output]
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Print the public key that checkpoints are signed with
    PublicKey,
    /// Remove what is old enough, by whole checkpoints
    Purge {
        /// Keep this many days [default: the configured retention]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        older_than: Option<u32>,
    },
}

pub(crate) fn run(loaded: Loaded, verb: AuditVerb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        AuditVerb::Verify(verify) => verify::run(&loaded, &verify, output),
        AuditVerb::Export(export) => export::run(loaded, &export, output),
        AuditVerb::Checkpoint { output: file } => checkpoint::run(loaded, file.as_deref(), output),
        AuditVerb::PublicKey => public_key::run(&loaded, output),
        AuditVerb::Purge { older_than } => purge::run(loaded, older_than, output),
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
