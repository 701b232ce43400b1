//! `service`: what other services need from this one.

mod credential;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

/// What can be done for other services.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make the secret by which a service follows revocations and asks about tokens
    Credential(credential::Arguments),
}

pub(crate) fn run(verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Credential(arguments) => credential::run(arguments, output),
    }
}
