//! `service`: service accounts, and credentials of other services.

mod create;
mod credential;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The verbs of `service`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create a service account, which acts through API keys only
    Create(create::Arguments),
    /// Create the secret of a service for the configuration; an API key is better, which needs no restart
    Credential(credential::Arguments),
}

/// The configuration is loaded for the verbs that need it.
pub(crate) fn run(
    load: impl FnOnce() -> LoadedConfig,
    verb: Verb,
    output: Output,
) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Create(arguments) => {
            let (config, _) = load().sound()?;
            create::run(&config, arguments, output)
        }
        Verb::Credential(arguments) => credential::run(arguments, output),
    }
}
