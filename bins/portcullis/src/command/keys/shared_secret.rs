//! `keys shared-secret`: the key of HS256, for a service that checks tokens by itself.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::Ambient;
use portcullis_token::SharedSecret;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) const AFTER_HELP: &str = "\
A service that has this key can sign access tokens for every account. Give it only to services that you \
trust with that. The key has no other use. The audit trail records that it was printed. With the algorithms EdDSA and \
ES256 no service needs a secret; once they sign, what is signed with it is accepted for the life of one \
access token and then no more.";

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    if let Some(algorithm) = config.tokens.algorithm {
        return Err(Failure::usage(format!(
            "tokens are signed with {}: services check them with the keys published at \
             /.well-known/jwks.json and need no secret",
            algorithm.name()
        )));
    }
    let origin = local_origin("keys shared-secret");
    let (store, secret) = opening::needed_store(config, &origin)?;
    let shared = SharedSecret::of(&secret);
    // Recorded first: what was seen and not recorded could not be taken back.
    assembly::node::signing_keys(&store, config, &secret, &Ambient::system())
        .note_printed(&shared, &origin)?;
    output.answer(&Handed { shared_secret: &shared.expose() })?;
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
