//! `policy`: access matrices, those in files and those in the database.
//!
//! Only `activate` and `rollback` change anything. The others neither make a database nor bring one
//! up to date, and those that are given files only do without a configuration, too.

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

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use portcullis_flows::access::matrix::MatrixError;

use self::diff::PolicyDiff;
use self::explain::PolicyExplain;
use self::export::PolicyExport;
use self::named::Named;
use self::replay::PolicyReplay;
use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with access matrices.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyVerb {
    /// Name every fault of a matrix file, by line
    Check {
        /// The file [default: the version in force; the configured file before the first start]
        file: Option<PathBuf>,
    },
    /// Print a version
    Export(PolicyExport),
    /// Say what one matrix changes for whom against another
    Diff(PolicyDiff),
    /// Say whether a role may, and why
    Explain(Box<PolicyExplain>),
    /// Ask a matrix the questions that were really asked, and say whose answers change
    Replay(PolicyReplay),
    /// Put a file or an earlier version in force, on all nodes within a second
    Activate {
        /// A matrix file, or the number of a version
        matrix: Named,
    },
    /// Put the version in force that was before the one that is
    Rollback,
    /// List what was in force when, and by whom
    History,
}

pub(crate) fn run(loaded: Loaded, verb: PolicyVerb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        PolicyVerb::Check { file } => check::run(loaded, file.as_deref(), output),
        PolicyVerb::Export(export) => export::run(loaded, &export, output),
        PolicyVerb::Diff(diff) => diff::run(loaded, &diff, output),
        PolicyVerb::Explain(question) => explain::run(loaded, &question, output),
        PolicyVerb::Replay(replay) => replay::run(loaded, &replay, output),
        PolicyVerb::Activate { matrix } => activate::run(loaded, &matrix, output),
        PolicyVerb::Rollback => rollback::run(loaded, output),
        PolicyVerb::History => history::run(loaded, output),
    }
}

impl From<MatrixError> for Failure {
    fn from(error: MatrixError) -> Self {
        let remedy = match &error {
            MatrixError::Faults(faults) => return named::faulty("the matrix", faults),
            MatrixError::Trail(_) | MatrixError::Store(_) => {
                "`portcullis doctor` looks for the cause"
            }
            MatrixError::UnusableMatrix(_) => "nothing was changed; change the matrix",
            MatrixError::UnknownVersion(_) => "`portcullis policy history` lists the versions",
            MatrixError::CallerChanged | MatrixError::Escalation(_) => {
                "ask somebody with the most senior role"
            }
            MatrixError::NothingBefore => "activate a file, or a version by its number",
            MatrixError::Superseded => {
                "look at `portcullis policy history`; run it again if it is still wanted"
            }
            MatrixError::RolesInUse(roles) => {
                let words: Vec<_> = roles.iter().map(ToString::to_string).collect();
                let remedy = "give them other roles first, or keep these in the matrix";
                return Self::failed(format!("{error}: {}", words.join(", ")), remedy);
            }
        };
        Self::failed(error, remedy)
    }
}
