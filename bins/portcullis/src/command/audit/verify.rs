//! `audit verify`: verifies the audit log of the database or of an archive, and reports every fault.

use std::fmt;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use portcullis_audit::{AuditKeys, Checkpoint, Report, verify_archive};
use serde::Serialize;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;
use crate::{assembly, opening, progress, secret_file};

/// The audit log to verify, the checkpoints and the keys.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 no fault, 1 at least one fault, 2 the audit log cannot be read.

An archive is verified on any machine that has the secret key of the server (SECRET_KEY or
SECRET_KEY_FILE); neither the database nor the rest of the configuration is needed.")]
pub(crate) struct Arguments {
    /// Verify against this checkpoint, kept on another machine; the latest is enough
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Verify this archive instead of the database
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// A file with a former secret key of the server; may be repeated, oldest first
    #[arg(long = "former-secret", value_name = "FILE")]
    former_secrets: Vec<PathBuf>,
}

/// Exits with 1 when the audit log has a fault, with 2 when it cannot be read.
pub(super) fn run(
    loaded: &LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let report = report(loaded, arguments, output).map_err(Failure::into_unreadable)?;
    let answer = Verified { intact: report.is_intact(), report: &report };
    output.answer(&answer).map_err(Failure::into_unreadable)?;
    Ok(if report.is_intact() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(loaded: &LoadedConfig, arguments: &Arguments, output: Output) -> Result<Report, Failure> {
    let mut keys: Vec<AuditKeys> =
        arguments.former_secrets.iter().map(|path| former(path)).collect::<Result<_, _>>()?;
    keys.extend(opening::previous_secret(loaded)?.as_ref().map(assembly::audit::keys));
    keys.push(assembly::audit::keys(&opening::existing_secret(loaded)?));
    let keys: Vec<_> = keys.iter().collect();
    let held = arguments.checkpoints.iter().map(|path| checkpoint(path));
    let held = held.collect::<Result<Vec<_>, _>>()?;
    match &arguments.archive {
        Some(path) => of_archive(path, &keys, &held, output),
        None => of_database(loaded, &keys, &held, output),
    }
}

fn of_archive(
    path: &Path,
    keys: &[&AuditKeys],
    held: &[Checkpoint],
    output: Output,
) -> Result<Report, Failure> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = progress::of_bytes(size, output);
    let reader = BufReader::with_capacity(1024 * 1024, bar.wrap_read(file));
    let report = verify_archive(keys, held, reader).map_err(|error| unreadable(path, &error))?;
    bar.finish_and_clear();
    Ok(report)
}

fn of_database(
    loaded: &LoadedConfig,
    keys: &[&AuditKeys],
    held: &[Checkpoint],
    output: Output,
) -> Result<Report, Failure> {
    let config = loaded.needing(&["tokens.secret_key", "data_dir", "database"])?;
    let (store, _) = opening::unproved_store(config)?;
    let verification = assembly::audit::verification(&store);
    let bar = progress::of(verification.entries()?, "events and blocks of decisions", output);
    let report = verification
        .verify(keys, held, &mut || bar.inc(1))
        .map_err(|error| Failure::failed(error, "run `portcullis doctor` to find the cause"))?;
    bar.finish_and_clear();
    Ok(report)
}

fn former(path: &Path) -> Result<AuditKeys, Failure> {
    let secret = secret_file::read(path).map_err(|error| unreadable(path, &error))?;
    Ok(assembly::audit::keys(&secret))
}

fn checkpoint(path: &Path) -> Result<Checkpoint, Failure> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Checkpoint::from_file(&text).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &dyn fmt::Display) -> Failure {
    let problem = format!("{}: {error}", path.display());
    Failure::failed(problem, "nothing was verified; name another file, or repeat the export")
}

#[derive(Serialize)]
struct Verified<'a> {
    intact: bool,
    #[serde(flatten)]
    report: &'a Report,
}

impl fmt::Display for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}
