//! `keys`: the key pairs that sign access tokens, looked at and replaced.

mod accept_secret;
mod list;
mod retire;
mod rotate;
mod shared_secret;

use std::process::ExitCode;

use clap::Subcommand;

use self::retire::KeysRetire;
use self::rotate::KeysRotate;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

/// What can be done with the key pairs that sign access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysVerb {
    /// Show every key pair and what it does now
    List,
    /// Make a new key pair, which takes over after five minutes
    Rotate(KeysRotate),
    /// Take a key pair out of use at once, because its private half has leaked
    Retire(KeysRetire),
    /// Print the key of HS256, for services that check access tokens by themselves
    #[command(after_help = "\
A service that has this key can sign access tokens for every account. Give it only to services that you \
trust with that. The key has no other use. The audit trail records that it was printed. With the algorithms EdDSA and \
ES256 no service needs a secret; once they sign, what is signed with it is accepted for the life of one \
access token and then no more.")]
    SharedSecret,
    /// Make the configured secret key that of the database, because the one before is lost
    #[command(after_help = "\
This cannot be undone. Every user must sign in again. Key pairs that were made under the lost secret \
cannot be used any more. The audit trail before this change can be verified only with the lost secret. Stop every \
server first. To replace a secret that you have, set SECRET_KEY_PREVIOUS to it instead: then none of this \
happens.")]
    AcceptSecret,
}

pub(crate) fn run(config: &Config, verb: &KeysVerb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        KeysVerb::List => list::run(config, output),
        KeysVerb::Rotate(rotate) => rotate::run(config, rotate, output),
        KeysVerb::Retire(retire) => retire::run(config, &retire.kid, output),
        KeysVerb::AcceptSecret => accept_secret::run(config, output),
        KeysVerb::SharedSecret => shared_secret::run(config, output),
    }
}
