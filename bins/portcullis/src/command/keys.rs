//! `keys`: the key pairs that sign access tokens, looked at and replaced.

mod accept_secret;
mod list;
mod retire;
mod rotate;
mod shared_secret;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with the key pairs that sign access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show every key pair and what it does now
    List,
    /// Make a new key pair, which takes over after five minutes
    Rotate(rotate::Arguments),
    /// Take a key pair out of use at once, because its private half has leaked
    Retire(retire::Arguments),
    /// Print the key of HS256, for services that check access tokens by themselves
    #[command(after_help = shared_secret::AFTER_HELP)]
    SharedSecret,
    /// Make the configured secret key that of the database, because the one before is lost
    #[command(after_help = accept_secret::AFTER_HELP)]
    AcceptSecret,
}

pub(crate) fn run(loaded: Loaded, verb: &Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::List => list::run(&config, output),
        Verb::Rotate(arguments) => rotate::run(&config, arguments, output),
        Verb::Retire(arguments) => retire::run(&config, arguments, output),
        Verb::SharedSecret => shared_secret::run(&config, output),
        Verb::AcceptSecret => accept_secret::run(&config, output),
    }
}
