//! `user`: accounts and their sessions, for the operator; the server may be running or stopped.

mod create;
mod delete;
mod end_sessions;
mod factors;
mod import;
mod list;
mod lock;
mod named;
mod networks;
mod reset_mfa;
mod set_password;
mod show;
mod unlock;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use self::create::{Kind, refused};
pub(crate) use self::named::Name;

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
    /// List accounts, the newest first
    List(list::Arguments),
    /// Show one account, with its sessions and its failures
    Show(named::Name),
    /// Deactivate an account and end its sessions
    Lock(named::Name),
    /// Activate an account again and reset its failure counters (end a lockout)
    Unlock(named::Name),
    /// Give an account a new password and end its sessions
    SetPassword(set_password::Arguments),
    /// Delete an account for good
    Delete(delete::Arguments),
    /// Show the second factors of an account
    Factors(named::Name),
    /// Remove all second factors of an account and end its sessions (its owner has lost them)
    ResetMfa(named::Name),
    /// Show or replace the networks that an account may be used from
    Networks(networks::Arguments),
    /// End all sessions of all accounts; running servers refuse their tokens within a second
    EndSessions(end_sessions::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::Create(arguments) => create::run(&config, arguments, output),
        Verb::Import(arguments) => import::run(&config, &arguments, output),
        Verb::List(arguments) => list::run(&config, arguments, output),
        Verb::Show(name) => show::run(&config, &name, output),
        Verb::Lock(name) => lock::run(&config, &name, output),
        Verb::Unlock(name) => unlock::run(&config, &name, output),
        Verb::SetPassword(arguments) => set_password::run(&config, &arguments, output),
        Verb::Delete(arguments) => delete::run(&config, &arguments, output),
        Verb::Factors(name) => factors::run(&config, &name, output),
        Verb::ResetMfa(name) => reset_mfa::run(&config, &name, output),
        Verb::Networks(arguments) => networks::run(&config, &arguments, output),
        Verb::EndSessions(_) => end_sessions::run(&config, output),
    }
}
