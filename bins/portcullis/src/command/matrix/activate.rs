//! `policy activate`: activates a matrix file or an earlier version.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_access::MatrixDiff;
use portcullis_domain::Role;
use portcullis_flows::access::matrix::{Matrices, RoleMove};
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
    /// Gives the accounts of a role that the matrix lacks another one, in the same transaction
    #[arg(long = "map", value_name = "OLD=NEW", value_parser = role_move)]
    moves: Vec<RoleMove>,
}

fn role_move(text: &str) -> Result<RoleMove, String> {
    let role = |word: &str| Role::parse(word).map_err(|_| format!("{word:?} is not a role"));
    let (from, to) = text.split_once('=').ok_or("write it as OLD=NEW, with two roles")?;
    Ok(RoleMove { from: role(from)?, to: role(to)? })
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
    let mut moved = 0;
    let answer = Activated::by(&matrices, || {
        let number = match named {
            MatrixSource::Version(number) => *number,
            MatrixSource::File(path) => matrices.propose(&named::read(path)?, &operator)?,
        };
        if number != matrices.active().load().version || !arguments.moves.is_empty() {
            moved = matrices.activate_moving(number, &arguments.moves, &operator)?;
        }
        Ok(())
    })?;
    output.answer(&Activated { accounts_moved: moved, ..answer })?;
    Ok(ExitCode::SUCCESS)
}

/// The activated version and the previous one.
#[derive(Serialize)]
pub(super) struct Activated {
    version: u32,
    previous: u32,
    changes: MatrixDiff,
    accounts_moved: usize,
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
        Ok(Self { version: after.version, previous: before.version, changes, accounts_moved: 0 })
    }
}

impl fmt::Display for Activated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, previous, changes, accounts_moved } = self;
        if version == previous && *accounts_moved == 0 {
            return write!(f, "Version {version} is in force already.");
        }
        writeln!(f, "Version {version} is in force in place of version {previous}.")?;
        if *accounts_moved > 0 {
            writeln!(f, "accounts with a new role: {accounts_moved}")?;
        }
        Changes(changes).fmt(f)
    }
}
