//! `service credential`: creates the secret of a service and prints its digest for the configuration.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::SystemRandom;
use portcullis_token::OpaqueSecret;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

/// The service that gets the secret.
#[derive(Debug, Args)]
#[command(after_help = "\
The secret is printed once and not stored. Add the digest to `[services]` in the configuration and restart \
the server. To replace a secret, add the new digest under another name, change the service to the new \
secret, and remove the old entry.")]
pub(crate) struct Arguments {
    /// The name of the service: 1 to 64 of a-z, 0-9, _ and -
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

/// The printed secret. It must not be logged.
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
            "Give this secret to the service, which authenticates by HTTP Basic as {name}. The secret \
             is not stored:\n\n  {secret}\n\nAdd the digest to the configuration file of every node and \
             restart it:\n\n  [services]\n  {name} = \"{digest}\"\n"
        )?;
        // A variable cannot have a hyphen in its name.
        if name.contains('-') {
            return Ok(());
        }
        write!(f, "\nor set this variable instead\n\n  PORTCULLIS__SERVICES__{variable}={digest}\n")
    }
}
