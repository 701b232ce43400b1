//! `breach-filter`: makes and describes filter files of breached passwords.

mod build;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `breach-filter`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a filter file from a list of SHA-1 digests, ordered by digest
    Build(build::Arguments),
    /// Check a filter file, and measure how often it takes another password for a listed one
    Show(show::Arguments),
}

pub(crate) fn run(verb: &Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Build(arguments) => build::run(arguments, output),
        Verb::Show(arguments) => show::run(arguments, output),
    }
}
