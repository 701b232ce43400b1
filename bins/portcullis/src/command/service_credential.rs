//! `service credential`: a secret for a service, and what the server is to be told of it.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::SystemRandom;
use portcullis_token::OpaqueSecret;
use serde::Serialize;

use crate::cli::ServiceCredential;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(service: ServiceCredential, output: Output) -> Result<ExitCode, Failure> {
    let secret = OpaqueSecret::mint(&SystemRandom);
    output.answer(&Credential {
        name: service.name,
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
