//! `migrate`: brings the database up to date.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening;
use crate::output::Output;

pub(crate) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    let (_, applied) = opening::database(config)?;
    output.answer(&Report { applied })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Report {
    applied: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.applied.is_empty() {
            return write!(f, "The database is up to date.");
        }
        self.applied.iter().try_for_each(|version| writeln!(f, "applied {version}"))
    }
}
