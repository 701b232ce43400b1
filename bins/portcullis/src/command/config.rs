//! `config`: checks the configuration without starting a server.

mod check;

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
}

pub(crate) fn run(loaded: &LoadedConfig, verb: &Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Check => check::run(loaded, output),
    }
}
