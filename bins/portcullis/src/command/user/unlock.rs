//! `user unlock`: resets the failure counters of an account, which ends a lockout.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, opening};

/// The account to unlock.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The user name or the email address
    #[arg(long)]
    username: String,
}

pub(super) fn run(
    config: &Config,
    arguments: Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let origin = local_origin("user unlock");
    let OpenedDatabase { store, secret, .. } = opening::opened_existing(config, &origin)?;
    if !assembly::sign_in::unlock(&store, &secret).unlock(&arguments.username, &origin)? {
        let problem = format!("there is no account {:?}", arguments.username);
        return Err(Failure::failed(problem, "check the user name, or use the email address"));
    }
    output.answer(&Unlocked { unlocked: arguments.username })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Unlocked {
    unlocked: String,
}

impl fmt::Display for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The failure counters of {:?} are reset.", self.unlocked)
    }
}
