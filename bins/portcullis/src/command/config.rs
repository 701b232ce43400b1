//! `config`: checks, shows and begins a configuration without starting a server.

mod check;
pub(crate) mod init;
mod schema;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Report every fault and every warning of the configuration, each with its key and a fix
    Check,
    /// Show every setting in force with its source, without secrets
    #[command(after_help = show::AFTER_HELP)]
    Show,
    /// Write a commented configuration and an access matrix to begin with
    Init(init::Arguments),
    /// Print the JSON Schema of the configuration file, for editors
    #[command(after_help = schema::AFTER_HELP)]
    Schema,
}

pub(crate) fn run(
    load: impl FnOnce() -> LoadedConfig,
    verb: &Verb,
    output: Output,
) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Check => check::run(&load(), output),
        Verb::Show => show::run(load(), output),
        Verb::Init(arguments) => init::run(arguments, output),
        Verb::Schema => schema::run(output),
    }
}
