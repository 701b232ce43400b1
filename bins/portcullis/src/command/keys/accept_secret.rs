//! `keys accept-secret`: the secret of the data is lost, and another takes its place.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening;
use crate::operator::local_origin;
use crate::output::Output;

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    opening::accept_secret(config, &local_origin("keys accept-secret"))?;
    output.answer(&Accepted { accepted: true })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Accepted {
    accepted: bool,
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The configured SECRET_KEY is that of the database from now on.")
    }
}
