//! `policy`: access matrices in files and in the database.
//!
//! Only `activate` and `rollback` change anything. The other verbs neither create nor migrate a
//! database. A verb whose arguments are all files needs no configuration.

mod activate;
mod changes;
mod check;
mod diff;
mod explain;
mod export;
mod history;
mod named;
mod replay;
mod rollback;
mod versions;

use std::process::ExitCode;

use clap::Subcommand;
use portcullis_flows::access::matrix::MatrixError;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Report every fault of a matrix file, by line
    Check(check::Arguments),
    /// Print one version of the access matrix
    Export(export::Arguments),
    /// Compare two versions of the access matrix
    Diff(diff::Arguments),
    /// Explain the decision for a role, an action and a resource
    Explain(Box<explain::Arguments>),
    /// Replay recorded decisions against another matrix and list the changes
    Replay(replay::Arguments),
    /// Activate a matrix file or an earlier version, on all nodes within a second
    Activate(activate::Arguments),
    /// Activate the previous version again
    Rollback,
    /// List all activations with version, time and actor
    History,
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Check(arguments) => check::run(loaded, &arguments, output),
        Verb::Export(arguments) => export::run(loaded, &arguments, output),
        Verb::Diff(arguments) => diff::run(loaded, &arguments, output),
        Verb::Explain(arguments) => explain::run(loaded, &arguments, output),
        Verb::Replay(arguments) => replay::run(loaded, &arguments, output),
        Verb::Activate(arguments) => activate::run(loaded, &arguments, output),
        Verb::Rollback => rollback::run(loaded, output),
        Verb::History => history::run(loaded, output),
    }
}

impl From<MatrixError> for Failure {
    fn from(error: MatrixError) -> Self {
        let remedy = match &error {
            MatrixError::Faults(faults) => return named::faulty("the matrix", faults),
            MatrixError::AuditLog(_) | MatrixError::Store(_) => {
                "run `portcullis doctor` to find the cause"
            }
            MatrixError::UnusableMatrix(_) => "nothing was changed; change the matrix",
            MatrixError::UnknownVersion(_) => "`portcullis policy history` lists the versions",
            MatrixError::CallerChanged | MatrixError::Escalation(_) => {
                "ask an account of the most senior role to do it"
            }
            MatrixError::InvalidMove(_) => "nothing was changed; correct `--map`",
            MatrixError::RoleJustChanged | MatrixError::Cancelled => {
                "nothing was changed; run the command again"
            }
            MatrixError::NothingBefore => "activate a file, or a version by its number",
            MatrixError::Superseded => {
                "another version was activated meanwhile; check `portcullis policy history`, then \
                 run the command again if it is still needed"
            }
            MatrixError::RolesInUse(roles) => {
                let words: Vec<_> = roles.iter().map(ToString::to_string).collect();
                let remedy = "map each to a role of the matrix with `--map ROLE=ROLE`, or keep it";
                return Self::failed(format!("{error}: {}", words.join(", ")), remedy);
            }
        };
        Self::failed(error, remedy)
    }
}
