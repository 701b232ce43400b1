//! `risk`: the recorded risk of sign-ins, explained and replayed under other weights and thresholds.

mod explain;
mod policy;
mod replay;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `risk`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show why the latest sign-ins of an account were allowed, challenged or refused
    Explain(explain::Arguments),
    /// Assess the recorded sign-ins of a period again, with the configured weights or other thresholds
    Replay(replay::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::Explain(arguments) => explain::run(&config, &arguments, output),
        Verb::Replay(arguments) => replay::run(&config, &arguments, output),
    }
}
