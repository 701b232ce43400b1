//! `user delete`: deletes an account for good.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::AccountId;
use serde::Serialize;

use super::named::{Name, unchanged};
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The account to delete.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    name: Name,
    /// Confirm that the account is deleted for good (required)
    #[arg(long, required = true)]
    for_good: bool,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("user delete");
    let (store, matrices) = opening::started(config, &operator)?;
    let account = arguments.name.find(&store)?;
    let deletions = assembly::identity::deletions_by_operator(&store, &matrices, config);
    deletions.delete(&operator, account.id).map_err(unchanged)?;
    output.answer(&Deleted { deleted: arguments.name.username.clone(), id: account.id })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Deleted {
    deleted: String,
    id: AccountId,
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deleted, id } = self;
        write!(f, "{deleted:?} is deleted. The audit log keeps its entries, under the id {id}.")
    }
}
