//! `keys`: lists, rotates and retires the keys that sign access tokens.

mod accept_secret;
mod list;
mod retire;
mod rotate;
mod shared_secret;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List every key pair with its state
    List,
    /// Make a new key pair, which signs after five minutes
    Rotate(rotate::Arguments),
    /// Retire a key pair at once, because its private key has leaked
    Retire(retire::Arguments),
    /// Print the HS256 shared secret, for services that verify access tokens offline
    #[command(after_help = shared_secret::AFTER_HELP)]
    SharedSecret,
    /// Accept the configured secret key after the previous key was lost
    #[command(after_help = accept_secret::AFTER_HELP)]
    AcceptSecret,
}

pub(crate) fn run(loaded: LoadedConfig, verb: &Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::List => list::run(&config, output),
        Verb::Rotate(arguments) => rotate::run(&config, arguments, output),
        Verb::Retire(arguments) => retire::run(&config, arguments, output),
        Verb::SharedSecret => shared_secret::run(&config, output),
        Verb::AcceptSecret => accept_secret::run(&config, output),
    }
}
