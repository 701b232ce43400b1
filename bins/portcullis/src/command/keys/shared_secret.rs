//! `keys shared-secret`: prints the HS256 shared secret, for a service that verifies tokens offline.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::Ambient;
use portcullis_token::SharedSecret;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) const AFTER_HELP: &str = "\
A service that has this key can sign access tokens for every account. Give it only to services that you \
trust with that. The key has no other use. The audit log records that it was printed. With the algorithms \
EdDSA and ES256 no service needs a secret. After a change to them, tokens signed with this key are \
accepted for the lifetime of one access token.";

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    if let Some(algorithm) = config.tokens.algorithm {
        return Err(Failure::usage(format!(
            "tokens are signed with {}: services verify them with the keys published at \
             /.well-known/jwks.json and need no secret",
            algorithm.name()
        )));
    }
    let operator = operator("keys shared-secret");
    let (store, secret) = opening::needed_store(config, &operator.origin)?;
    let shared = SharedSecret::of(&secret);
    // Recorded first: a printed secret without a record could not be taken back.
    assembly::node::signing_keys(&store, config, &secret, &Ambient::system())
        .note_printed(&shared, &operator)?;
    output.answer(&SharedSecretOutput { shared_secret: &shared.expose() })?;
    Ok(ExitCode::SUCCESS)
}

/// The printed secret. It must not be logged.
#[derive(Serialize)]
struct SharedSecretOutput<'a> {
    shared_secret: &'a str,
}

impl fmt::Display for SharedSecretOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shared_secret)
    }
}
