//! `health`: asks the running server whether it accepts requests.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;
use crate::running_server::{self, Listener};

pub(crate) const AFTER_HELP: &str = "\
Examples:
  portcullis health
  HEALTHCHECK CMD [\"/portcullis\", \"health\"]        (in a Dockerfile)

The server is asked on this machine, at server.operations_address.

Exit codes: 0 the server accepts requests, 1 it does not, 2 wrong usage or configuration.";

pub(crate) fn run(loaded: &LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let answer = running_server::get(loaded, Listener::Any, "/health/ready")?;
    let ready = answer.status == 200;
    output.answer(&Health { ready })?;
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Serialize)]
struct Health {
    ready: bool,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ready { "ready" } else { "not ready: see `portcullis status`" })
    }
}
