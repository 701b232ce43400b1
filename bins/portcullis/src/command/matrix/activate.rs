//! `policy activate`: activates a matrix file or an earlier version.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_access::MatrixDiff;
use portcullis_flows::access::matrix::Matrices;
use serde::Serialize;

use super::changes::Changes;
use super::named::{self, MatrixSource};
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::opening;
use crate::operator::operator;
use crate::output::Output;

/// The matrix to activate.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A matrix file, or the number of a version
    matrix: MatrixSource,
}

pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let named = &arguments.matrix;
    let (config, _) = loaded.sound()?;
    // Checked before the database is opened or created.
    if let MatrixSource::File(path) = named {
        named.parse(&named::read(path)?)?;
    }
    let operator = operator("policy activate");
    let (_, matrices) = opening::started(&config, &operator)?;
    let answer = Activated::by(&matrices, || {
        let number = match named {
            MatrixSource::Version(number) => *number,
            MatrixSource::File(path) => matrices.propose(&named::read(path)?, &operator)?,
        };
        if number != matrices.active().load().version {
            matrices.activate(number, &operator)?;
        }
        Ok(())
    })?;
    output.answer(&answer)?;
    Ok(ExitCode::SUCCESS)
}

/// The activated version and the previous one.
#[derive(Serialize)]
pub(super) struct Activated {
    version: u32,
    previous: u32,
    changes: MatrixDiff,
}

impl Activated {
    /// Compares the matrices before and after `change`.
    pub(super) fn by(
        matrices: &Matrices,
        change: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let before = matrices.active().load();
        change()?;
        let after = matrices.active().load();
        let changes = before.matrix.diff(&after.matrix);
        Ok(Self { version: after.version, previous: before.version, changes })
    }
}

impl fmt::Display for Activated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, previous, changes } = self;
        if version == previous {
            return write!(f, "Version {version} is in force already.");
        }
        writeln!(f, "Version {version} is in force in place of version {previous}.")?;
        Changes(changes).fmt(f)
    }
}
