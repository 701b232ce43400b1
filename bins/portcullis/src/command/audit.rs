//! `audit`: the trail, proven and taken elsewhere. None of these verbs makes a database or brings
//! one up to date.

mod checkpoint;
mod export;
mod public_key;
mod purge;
mod verify;

use std::process::ExitCode;

use portcullis_flows::trail::TrailError;

use crate::cli::AuditVerb;
use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

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
