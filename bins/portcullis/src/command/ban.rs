//! `ban`: lists, imposes and lifts bans of client addresses; the server may be running or stopped.

mod add;
mod lift;
mod list;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `ban`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the bans in force
    List,
    /// Ban an address; running servers refuse it within a second
    Add(add::Arguments),
    /// Lift a ban; running servers accept the address again within a second
    Lift(lift::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::List => list::run(&config, output),
        Verb::Add(arguments) => add::run(&config, arguments, output),
        Verb::Lift(arguments) => lift::run(&config, &arguments, output),
    }
}
