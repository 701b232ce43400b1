//! `config check`: reports every fault and every warning of the configuration.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use crate::config::{Finding, LoadedConfig};
use crate::failure::Failure;
use crate::output::Output;

/// Exits with 2 when the configuration has a fault.
pub(super) fn run(loaded: &LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let findings = loaded.findings();
    let ok = findings.faults.is_empty();
    output.answer(&Report { ok, faults: &findings.faults, warnings: &findings.warnings })?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    faults: &'a [Finding],
    warnings: &'a [Finding],
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, findings) in [("fault  ", self.faults), ("warning", self.warnings)] {
            for Finding { key, source, problem, remedy } in findings {
                let source = source.as_ref().map(|source| format!(" ({source})"));
                writeln!(f, "{word}  {key}{}", source.unwrap_or_default())?;
                writeln!(f, "         {problem}\n         -> {remedy}\n")?;
            }
        }
        match self.faults.len() {
            0 => write!(f, "The configuration is valid."),
            1 => write!(f, "The configuration has 1 fault."),
            many => write!(f, "The configuration has {many} faults."),
        }
    }
}
