//! `keys`: the key pairs that sign access tokens, looked at and replaced.

mod accept_secret;
mod list;
mod retire;
mod rotate;
mod shared_secret;

use std::process::ExitCode;

use crate::cli::KeysVerb;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(config: &Config, verb: &KeysVerb, output: Output) -> Result<ExitCode, Failure> {
    match verb {
        KeysVerb::List => list::run(config, output),
        KeysVerb::Rotate(rotate) => rotate::run(config, rotate, output),
        KeysVerb::Retire(retire) => retire::run(config, &retire.kid, output),
        KeysVerb::AcceptSecret => accept_secret::run(config, output),
        KeysVerb::SharedSecret => shared_secret::run(config, output),
    }
}
