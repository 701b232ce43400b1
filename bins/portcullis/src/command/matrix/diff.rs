//! `policy diff`: compares two versions of the access matrix.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_access::MatrixDiff;
use serde::Serialize;

use super::changes::Changes;
use super::named::{self, MatrixSource};
use super::versions::Versions;
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The matrices to compare.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The new matrix: a file, or the number of a version
    candidate: MatrixSource,
    /// The matrix to compare with [default: the one in force]
    base: Option<MatrixSource>,
}

pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let (base, base_name, candidate) = match (&arguments.candidate, &arguments.base) {
        (MatrixSource::File(one), Some(base @ MatrixSource::File(other))) => {
            (base.parse(&named::read(other)?)?, base.to_string(), named::read(one)?)
        }
        (candidate, Some(base)) => {
            let versions = Versions::open(loaded)?;
            let base_matrix = base.parse(&base.text(&versions)?)?;
            (base_matrix, base.to_string(), candidate.text(&versions)?)
        }
        (candidate, None) => {
            let versions = Versions::open(loaded)?;
            (versions.in_force(), versions.name(), candidate.text(&versions)?)
        }
    };
    let changes = base.diff(&arguments.candidate.parse(&candidate)?);
    let candidate = arguments.candidate.to_string();
    output.answer(&Difference { candidate, base: base_name, changes })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Difference {
    candidate: String,
    base: String,
    changes: MatrixDiff,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { candidate, base, changes } = self;
        write!(f, "{candidate} in place of {base}:\n{}", Changes(changes))
    }
}
