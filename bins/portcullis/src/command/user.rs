//! `user`: accounts, whether the server is running or not.

mod create;
mod end_sessions;
mod import;
mod unlock;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create one account
    Create(create::Arguments),
    /// Create the accounts of a CSV file, with the password hashes of another system
    Import(import::Arguments),
    /// Make the failed sign-ins of an account forgotten
    Unlock(unlock::Arguments),
    /// End all sessions of all accounts; running servers refuse their tokens within a second
    EndSessions(end_sessions::Arguments),
}

pub(crate) fn run(loaded: Loaded, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::Create(arguments) => create::run(config, arguments, output),
        Verb::Import(arguments) => import::run(config, &arguments, output),
        Verb::Unlock(arguments) => unlock::run(&config, arguments, output),
        Verb::EndSessions(_) => end_sessions::run(&config, output),
    }
}
