//! `service credential`: a secret for a service, and what the server is to be told of it.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::SystemRandom;
use portcullis_token::OpaqueSecret;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

/// Whom the secret is for.
#[derive(Debug, Args)]
#[command(after_help = "\
The secret is printed once and kept nowhere. The server is told its digest, in its configuration, and \
needs a restart to know it. To replace a secret, enter the new one under another name, change the \
service over, and remove the old entry.")]
pub(crate) struct Arguments {
    /// What to call the service: 1 to 64 of a-z, 0-9, _ and -
    #[arg(value_parser = name)]
    name: String,
}

fn name(text: &str) -> Result<String, &'static str> {
    if crate::config::is_service_name(text) {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 64 of a-z, 0-9, _ and -")
    }
}

pub(super) fn run(arguments: Arguments, output: Output) -> Result<ExitCode, Failure> {
    let secret = OpaqueSecret::mint(&SystemRandom);
    output.answer(&Credential {
        name: arguments.name,
        digest: secret.digest().to_string(),
        secret: secret.expose().to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Not to be logged.
#[derive(Serialize)]
struct Credential {
    name: String,
    secret: String,
    digest: String,
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, secret, digest } = self;
        let variable = name.to_uppercase();
        write!(
            f,
            "For the service, which shows it by HTTP Basic authentication as {name}; it is kept \
             nowhere:\n\n  {secret}\n\nFor the configuration file of every node, who need a restart \
             to know it:\n\n  [services]\n  {name} = \"{digest}\"\n"
        )?;
        // A variable cannot have a hyphen in its name.
        if name.contains('-') {
            return Ok(());
        }
        write!(f, "\nor in its place the variable\n\n  PORTCULLIS__SERVICES__{variable}={digest}\n")
    }
}
