//! `doctor`: checks configuration, data directory, database, Redis, keys and hashing cost.
//!
//! A check that needs a faulty part of the configuration is reported as skipped. The other checks run,
//! so that one call reports every fault. No check changes anything, but that one key in Redis lives for a second.

mod access_matrix;
mod audit_trail;
mod certificate;
mod check;
mod checkpoint_directory;
mod clock;
mod data_directory;
mod database;
mod email_addresses;
mod hashing;
mod jobs;
mod mail;
mod password_policy;
mod peppers;
mod redis;
mod secret_key;
mod signing_keys;

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use self::check::{Check, Status};
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// Exits with 2 when the configuration is faulty, else with 1 when a check failed.
pub(crate) fn run(loaded: &LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let mut checks = configuration(loaded);
    checks.push(data_directory::check(loaded));
    checks.push(secret_key::check(loaded));
    checks.extend(database::check(loaded));
    checks.extend(checkpoint_directory::check(loaded));
    checks.push(password_policy::check(loaded));
    checks.extend(redis::check(loaded));
    checks.extend(certificate::check(loaded));
    checks.push(hashing::check(loaded));
    let ok = !checks.iter().any(|check| check.status == Status::Failed);
    output.answer(&Report { ok, checks })?;
    Ok(match (ok, loaded.findings().faults.is_empty()) {
        (_, false) => ExitCode::from(2),
        (false, true) => ExitCode::FAILURE,
        (true, true) => ExitCode::SUCCESS,
    })
}

fn configuration(loaded: &LoadedConfig) -> Vec<Check> {
    const NAME: &str = "configuration";
    let findings = loaded.findings();
    // `certificate::check` reports these findings.
    let faults = findings
        .faults
        .iter()
        .filter(|fault| !fault.is_about_certificate())
        .map(|fault| Check::failed(NAME, fault.statement(), fault.remedy.clone()));
    // `secret_key::check` reports these warnings.
    let warnings = findings
        .warnings
        .iter()
        .filter(|warning| warning.key != "tokens.secret_key" && !warning.is_about_certificate())
        .map(|warning| Check::warning(NAME, warning.statement(), warning.remedy.clone()));
    let checks: Vec<_> = faults.chain(warnings).collect();
    if checks.is_empty() { vec![Check::ok(NAME, "has no fault")] } else { checks }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Check { name, status, detail, remedy } in &self.checks {
            let word = match status {
                Status::Ok => "ok",
                Status::Warning => "warning",
                Status::Failed => "FAILED",
                Status::Skipped => "skipped",
            };
            writeln!(f, "{word:<8} {name:<15} {detail}")?;
            if let Some(remedy) = remedy {
                writeln!(f, "{:<24} -> {remedy}", "")?;
            }
        }
        let count = |wanted| self.checks.iter().filter(|check| check.status == wanted).count();
        write!(f, "\nfailed: {}, warnings: {}", count(Status::Failed), count(Status::Warning))
    }
}
