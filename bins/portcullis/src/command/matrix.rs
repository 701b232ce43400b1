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

use std::process::ExitCode;

use clap::Subcommand;
use portcullis_flows::access::matrix::MatrixError;

use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with access matrices.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Name every fault of a matrix file, by line
    Check(check::Arguments),
    /// Print a version
    Export(export::Arguments),
    /// Say what one matrix changes for whom against another
    Diff(diff::Arguments),
    /// Say whether a role may, and why
    Explain(Box<explain::Arguments>),
    /// Ask a matrix the questions that were really asked, and say whose answers change
    Replay(replay::Arguments),
    /// Put a file or an earlier version in force, on all nodes within a second
    Activate(activate::Arguments),
    /// Put the version in force that was before the one that is
    Rollback,
    /// List what was in force when, and by whom
    History,
}

pub(crate) fn run(loaded: Loaded, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
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
