//! `user set-password`: gives an account a new password, which ends its sessions.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::create;
use super::named::{Name, unchanged};
use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, input, opening};

/// The account and the kind of the password.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    name: Name,
    /// Read the password from the first line of standard input, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    /// The holder must change the password before the account can be used
    #[arg(long)]
    must_change: bool,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("user set-password");
    let OpenedDatabase { secret, .. } = opening::opened_existing(config, &operator.origin)?;
    let (store, matrices) = opening::started(config, &operator)?;
    let found = arguments.name.credentials(&store)?;
    let typed = input::new_password(arguments.password_stdin)?;
    let checker = assembly::identity::checker(config)?;
    let hash = checker.new_password(&found, &typed, &operator.origin).map_err(create::refused)?;
    let changes = assembly::identity::changes_by_operator(&store, &matrices, config);
    changes
        .set_password(&operator, found.account.id, &hash, arguments.must_change)
        .map_err(unchanged)?;
    // The failures were guesses at the former password.
    let unlock = assembly::sign_in::unlock(&store, &secret);
    unlock.unlock(&arguments.name.username, &operator.origin)?;
    let account = arguments.name.username.clone();
    output.answer(&Changed { changed: account, must_change: arguments.must_change })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Changed {
    changed: String,
    must_change: bool,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changed, must_change } = self;
        write!(f, "{changed:?} has a new password. Its sessions have ended.")?;
        if *must_change {
            f.write_str(" The password must be changed at the next sign-in.")?;
        }
        Ok(())
    }
}
