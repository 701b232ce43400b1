//! `api-key`: creates, lists, rotates and revokes the API keys of an account; the server may be running or
//! stopped. It is the only way for a service account, which nobody signs in to.

mod create;
mod list;
mod owner;
mod revoke;
mod rotate;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `api-key`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create a key of a developer or a service account, and print it once
    Create(create::Arguments),
    /// List the keys of an account, also expired ones
    List(list::Arguments),
    /// Replace a key by one with the same scope, and print that once; both are valid for the overlap
    Rotate(rotate::Arguments),
    /// Revoke a key: running servers refuse it within a second
    Revoke(revoke::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::Create(arguments) => create::run(&config, arguments, output),
        Verb::List(arguments) => list::run(&config, &arguments, output),
        Verb::Rotate(arguments) => rotate::run(&config, &arguments, output),
        Verb::Revoke(arguments) => revoke::run(&config, &arguments, output),
    }
}
