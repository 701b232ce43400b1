//! `config`: the configuration, looked at without starting anything.

mod check;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Name every fault and every warning, each with its key and how to mend it
    Check,
}

pub(crate) fn run(loaded: &Loaded, verb: &Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Check => check::run(loaded, output),
    }
}
