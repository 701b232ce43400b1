//! `keys accept-secret`: accepts the configured secret key after the previous key was lost.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening;
use crate::operator::local_origin;
use crate::output::Output;

pub(super) const AFTER_HELP: &str = "\
This cannot be undone. Every user must sign in again. Key pairs that were made under the lost secret \
cannot be used any more. The audit log before this change can be verified only with the lost secret. Stop \
every server first. If you still have the previous secret, set SECRET_KEY_PREVIOUS to it instead: then \
none of this happens.";

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    opening::accept_secret(config, &local_origin("keys accept-secret"))?;
    output.answer(&AcceptSecretOutput { accepted: true })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct AcceptSecretOutput {
    accepted: bool,
}

impl fmt::Display for AcceptSecretOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The database has accepted the configured SECRET_KEY.")
    }
}
