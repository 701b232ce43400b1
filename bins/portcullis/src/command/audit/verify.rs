//! `audit verify`: proves the trail of the database or of an archive, or names what was done to it.

use std::fmt;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use portcullis_audit::{AuditKeys, Checkpoint, Report, verify_archive};
use serde::Serialize;

use crate::config::Loaded;
use crate::failure::Failure;
use crate::output::Output;
use crate::{assembly, opening, progress, secret_file};

/// What to verify, and against what.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong, 1 something is, 2 it cannot be read.

An archive is verified on any machine that has the secret key of the server (SECRET_KEY or
SECRET_KEY_FILE); neither the database nor the rest of the configuration is needed.")]
pub(crate) struct Arguments {
    /// A checkpoint that was kept elsewhere; the latest is enough
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Read this archive, not the database
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// A file with a secret key that the server had before; may be repeated, oldest first
    #[arg(long = "former-secret", value_name = "FILE")]
    former_secrets: Vec<PathBuf>,
}

/// Exits with 1 when something is wrong with the trail, with 2 when it cannot be read.
pub(super) fn run(
    loaded: &Loaded,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let report = report(loaded, arguments, output).map_err(Failure::into_unreadable)?;
    let answer = Verified { intact: report.is_intact(), report: &report };
    output.answer(&answer).map_err(Failure::into_unreadable)?;
    Ok(if report.is_intact() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(loaded: &Loaded, arguments: &Arguments, output: Output) -> Result<Report, Failure> {
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
    loaded: &Loaded,
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
        .map_err(|error| Failure::failed(error, "`portcullis doctor` looks for the cause"))?;
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
    Failure::failed(problem, "nothing was verified; name another file, or export it again")
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
