//! `audit export`: writes entries as CSV or JSON lines, or the whole audit log as an archive, in
//! constant memory.

use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use portcullis_audit::{
    CsvWriter, Details, Entry, EventKind, ExportFormat, Filter, JsonLinesWriter, Outcome,
    SecurityEvent,
};
use portcullis_domain::{AccountId, Ambient, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::audit::trail::{AuditLogError, AuditLogStore};
use portcullis_flows::audit::verification::ReadError;
use portcullis_flows::principal::Principal;
use portcullis_storage::Store;
use serde::Serialize;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::operator::{local_origin, operator};
use crate::output::Output;
use crate::{assembly, destination, moment, opening, progress};

/// The entries to export, and their format.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// CSV table, one JSON object per entry, or an archive for `audit verify`
    #[arg(long, default_value = "jsonl")]
    format: TrailFormat,
    /// Write to this file [default: standard output]
    #[arg(long)]
    output: Option<PathBuf>,
    #[command(flatten)]
    filter: EntryFilter,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrailFormat {
    Csv,
    Jsonl,
    Archive,
}

/// The filters of an export.
#[derive(Debug, Args)]
struct EntryFilter {
    /// Only entries from this time on
    #[arg(long, value_parser = moment::parse)]
    from: Option<Timestamp>,
    /// Only entries before this time
    #[arg(long, value_parser = moment::parse)]
    until: Option<Timestamp>,
    /// Only entries of this kind
    #[arg(long, value_parser = kinds(), hide_possible_values = true)]
    kind: Option<EventKind>,
    /// Only entries with this outcome
    #[arg(long, value_parser = outcomes(), hide_possible_values = true)]
    outcome: Option<Outcome>,
    /// Only entries of this actor, an account
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    actor: Option<AccountId>,
    /// Only entries about this account
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    subject: Option<AccountId>,
    /// Only entries about this resource
    #[arg(long)]
    resource: Option<String>,
    /// Only entries from this client address
    #[arg(long)]
    address: Option<IpAddr>,
}

impl Arguments {
    /// The filter of these arguments.
    pub(crate) fn filter(&self) -> Filter {
        let EntryFilter { from, until, kind, outcome, actor, subject, ref resource, address } =
            self.filter;
        let resource = resource.clone();
        Filter { from, until, kind, outcome, actor, subject, resource, address }
    }
}

pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let filter = arguments.filter();
    if arguments.format == TrailFormat::Archive && filter != Filter::default() {
        return Err(Failure::usage("an archive contains every entry; remove the filters"));
    }
    if filter.from.zip(filter.until).is_some_and(|(from, until)| from >= until) {
        return Err(Failure::usage("--until must be a time after --from"));
    }
    let (config, _) = loaded.sound()?;
    let (store, _) = opening::needed_store(&config, &local_origin("audit export"))?;
    let written = destination::write(arguments.output.as_deref(), |to| match arguments.format {
        TrailFormat::Csv => entries(&store, &filter, ExportFormat::Csv, to, output),
        TrailFormat::Jsonl => entries(&store, &filter, ExportFormat::JsonLines, to, output),
        TrailFormat::Archive => archive(&store, to, output),
    });
    let count = match written {
        Ok(count) => count,
        // The reader closed the pipe.
        Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(error.into()),
    };
    let is_archive = arguments.format == TrailFormat::Archive;
    let things = if is_archive { ARCHIVED } else { "entries" };
    let answer = ExportOutput { entries: count, things, output: arguments.output.clone() };
    match answer.output {
        Some(_) => output.answer(&answer)?,
        None => output.remark(&answer),
    }
    Ok(ExitCode::SUCCESS)
}

/// The entries of an archive, for the progress line.
const ARCHIVED: &str = "events and blocks of decisions";

fn entries(
    store: &Arc<Store>,
    filter: &Filter,
    format: ExportFormat,
    to: &mut dyn Write,
    output: Output,
) -> Result<u64, ExportError> {
    let trail = assembly::audit::trail(store, &Ambient::system());
    let bar = progress::counting("entries", output);
    let entries = trail.export(&operator("audit export"), filter, format)?;
    if format == ExportFormat::Csv {
        let mut writer = CsvWriter::new(to)?;
        each(entries, &bar, |entry| writer.write(entry))
    } else {
        let mut writer = JsonLinesWriter::new(to);
        each(entries, &bar, |entry| writer.write(entry))
    }
}

fn each(
    entries: impl Iterator<Item = Result<Entry<'static>, AuditLogError>>,
    bar: &ProgressBar,
    mut write: impl FnMut(&Entry<'_>) -> io::Result<()>,
) -> Result<u64, ExportError> {
    for entry in entries {
        write(&entry?)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(bar.position())
}

fn archive(store: &Arc<Store>, to: &mut dyn Write, output: Output) -> Result<u64, ExportError> {
    record_archive(store)?;
    let verification = assembly::audit::verification(store);
    let bar = progress::of(verification.entries()?, ARCHIVED, output);
    verification.archive(to, &mut || bar.inc(1))?;
    bar.finish_and_clear();
    Ok(bar.position())
}

/// Records the export as an event of the audit log.
fn record_archive(store: &Store) -> Result<(), StoreError> {
    let Principal { actor, origin, .. } = operator("audit export");
    let ambient = Ambient::system();
    let (kind, outcome) = (EventKind::AuditExported, Outcome::Success);
    let details = Details::Export { filter: Filter::default(), format: ExportFormat::Archive };
    let event = SecurityEvent::new(kind, outcome, &origin, ambient.now(), &*ambient.random);
    AuditLogStore::record(store, &event.by(actor).with(details))
}

#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    AuditLog(#[from] AuditLogError),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::AuditLog(error.into())
    }
}

impl From<ReadError> for ExportError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Write(error) => Self::Write(error),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::AuditLog(error) => error.into(),
            ExportError::Write(_) => {
                Self::failed(error, "write to a disk with free space by --output")
            }
        }
    }
}

#[derive(Serialize)]
struct ExportOutput {
    entries: u64,
    #[serde(skip)]
    things: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<PathBuf>,
}

impl fmt::Display for ExportOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exported {} {}", self.entries, self.things)
    }
}

fn account(text: &str) -> Result<AccountId, &'static str> {
    text.parse().map_err(|_| "write the id of an account, as `portcullis audit export` prints it")
}

fn kinds() -> impl TypedValueParser<Value = EventKind> {
    let words = EventKind::ALL.iter().map(|kind| kind.as_str());
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}

fn outcomes() -> impl TypedValueParser<Value = Outcome> {
    let words = Outcome::ALL.iter().map(|outcome| outcome.as_str());
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}
