//! `invite`: creates, lists and revokes invitations to register; the server may be running or stopped.

mod administration;
mod create;
mod list;
mod revoke;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `invite`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Invite the owner of an address; a running server mails the link
    Create(create::Arguments),
    /// List the invitations that wait
    List,
    /// Revoke an invitation that waits
    Revoke(revoke::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::Create(arguments) => create::run(&config, arguments, output),
        Verb::List => list::run(&config, output),
        Verb::Revoke(arguments) => revoke::run(&config, &arguments, output),
    }
}
