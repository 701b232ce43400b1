//! `user`: creates and unlocks accounts and ends sessions; the server may be running or stopped.

mod create;
mod end_sessions;
mod import;
mod unlock;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `user`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create one account
    Create(create::Arguments),
    /// Create accounts from a CSV file, with the password hashes of another system
    Import(import::Arguments),
    /// Reset the failure counters of an account (end a lockout)
    Unlock(unlock::Arguments),
    /// End all sessions of all accounts; running servers refuse their tokens within a second
    EndSessions(end_sessions::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::Create(arguments) => create::run(&config, arguments, output),
        Verb::Import(arguments) => import::run(&config, &arguments, output),
        Verb::Unlock(arguments) => unlock::run(&config, arguments, output),
        Verb::EndSessions(_) => end_sessions::run(&config, output),
    }
}
