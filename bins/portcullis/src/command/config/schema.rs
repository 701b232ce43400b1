//! `config schema`: prints the JSON Schema of the configuration file.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::config;
use crate::failure::Failure;
use crate::output::Output;

/// Shown after the help.
pub(super) const AFTER_HELP: &str = "\
Examples:
  portcullis config schema >portcullis.schema.json

An editor with the Taplo language server takes it from the first line of the file:
  #:schema ./portcullis.schema.json";

pub(super) fn run(output: Output) -> Result<ExitCode, Failure> {
    output.answer(&Schema(config::schema()))?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Schema(Value);

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
