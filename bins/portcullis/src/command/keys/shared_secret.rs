//! `keys shared-secret`: the key of HS256, for a service that checks tokens by itself.

use std::fmt;
use std::process::ExitCode;

use portcullis_token::SharedSecret;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening;
use crate::output::Output;

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    if let Some(algorithm) = config.tokens.algorithm {
        return Err(Failure::usage(format!(
            "tokens are signed with {}: services check them with the keys published at \
             /.well-known/jwks.json and need no secret",
            algorithm.name()
        )));
    }
    let secret = SharedSecret::of(&opening::secret_in_place(config)?);
    output.answer(&Handed { shared_secret: &secret.expose() })?;
    Ok(ExitCode::SUCCESS)
}

/// Not to be logged.
#[derive(Serialize)]
struct Handed<'a> {
    shared_secret: &'a str,
}

impl fmt::Display for Handed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shared_secret)
    }
}
