//! `mail`: tests the mail server, lists dead letters, and sends them again; the server may be running or
//! stopped.

mod dead_letters;
mod preview;
mod resend;
mod test;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `mail`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Send a test mail to an address at once
    Test(test::Arguments),
    /// Write every mail with sample values into files, to look at changed templates
    Preview(preview::Arguments),
    /// List the mails that are not attempted any more, the latest first
    DeadLetters(dead_letters::Arguments),
    /// Make one dead letter, or all, due again; a running server sends them within seconds
    Resend(resend::Arguments),
}

pub(crate) fn run(loaded: LoadedConfig, verb: Verb, output: Output) -> Result<ExitCode, Failure> {
    let (config, _) = loaded.sound()?;
    match verb {
        Verb::Test(arguments) => test::run(&config, &arguments, output),
        Verb::Preview(arguments) => preview::run(&config, &arguments, output),
        Verb::DeadLetters(arguments) => dead_letters::run(&config, &arguments, output),
        Verb::Resend(arguments) => resend::run(&config, &arguments, output),
    }
}
