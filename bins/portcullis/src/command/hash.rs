//! `hash`: measures password hashing on this machine.

mod calibrate;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `hash`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Find the highest cost of a password hash that stays within a time
    Calibrate(calibrate::Arguments),
}

pub(crate) fn run(verb: &Verb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Calibrate(arguments) => calibrate::run(arguments, output),
    }
}
