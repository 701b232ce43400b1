//! `service`: credentials of other services.

mod credential;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `service`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create the secret of a service that reads revocations and introspects tokens
    Credential(credential::Arguments),
}

pub(crate) fn run(verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Credential(arguments) => credential::run(arguments, output),
    }
}
