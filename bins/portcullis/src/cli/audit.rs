use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use portcullis_audit::{EventKind, Filter, Outcome};
use portcullis_domain::{AccountId, Timestamp};

use crate::moment;

/// What can be done with the audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// Prove that nothing was changed, removed, added or moved, or name what was
    Verify(AuditVerify),
    /// Write entries, newest first, or the whole trail as an archive
    Export(Box<AuditExport>),
    /// Sign where the trail stands now, to be kept on another machine
    Checkpoint {
        /// Write it to this file [default: standard output]
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Print the public key that checkpoints are signed with
    PublicKey,
    /// Remove what is old enough, by whole checkpoints
    Purge {
        /// Keep this many days [default: the configured retention]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        older_than: Option<u32>,
    },
}

/// What to verify, and against what.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong, 1 something is, 2 it cannot be read.

An archive is verified on any machine that has the secret key of the server (SECRET_KEY or
SECRET_KEY_FILE); neither the database nor the rest of the configuration is needed.")]
pub(crate) struct AuditVerify {
    /// A checkpoint that was kept elsewhere; the latest is enough
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// Read this archive, not the database
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<PathBuf>,
    /// A file with a secret key that the server had before; may be repeated, oldest first
    #[arg(long = "former-secret", value_name = "FILE")]
    pub(crate) former_secrets: Vec<PathBuf>,
}

/// What to export, and how.
#[derive(Debug, Args)]
pub(crate) struct AuditExport {
    /// A table, one JSON object for each entry, or all that `audit verify` needs
    #[arg(long, default_value = "jsonl")]
    pub(crate) format: TrailFormat,
    /// Write to this file [default: standard output]
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    filter: Wanted,
}

/// How the trail is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrailFormat {
    Csv,
    Jsonl,
    Archive,
}

/// Which entries.
#[derive(Debug, Args)]
struct Wanted {
    /// Those since this time
    #[arg(long, value_parser = moment::parse)]
    from: Option<Timestamp>,
    /// Those before this time
    #[arg(long, value_parser = moment::parse)]
    until: Option<Timestamp>,
    /// What happened
    #[arg(long, value_parser = kinds(), hide_possible_values = true)]
    kind: Option<EventKind>,
    /// How it ended
    #[arg(long, value_parser = outcomes(), hide_possible_values = true)]
    outcome: Option<Outcome>,
    /// The account that did it or asked
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    actor: Option<AccountId>,
    /// The account it is about
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    subject: Option<AccountId>,
    /// What was asked about
    #[arg(long)]
    resource: Option<String>,
    /// The client's address
    #[arg(long)]
    address: Option<IpAddr>,
}

impl AuditExport {
    /// Which entries are wanted.
    pub(crate) fn filter(&self) -> Filter {
        let Wanted { from, until, kind, outcome, actor, subject, ref resource, address } =
            self.filter;
        let resource = resource.clone();
        Filter { from, until, kind, outcome, actor, subject, resource, address }
    }
}

fn account(text: &str) -> Result<AccountId, &'static str> {
    text.parse().map_err(|_| "write the id of an account, such as `portcullis audit export` shows")
}

fn kinds() -> impl TypedValueParser<Value = EventKind> {
    let words = EventKind::ALL.iter().map(|kind| kind.as_str());
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}

fn outcomes() -> impl TypedValueParser<Value = Outcome> {
    let words = Outcome::ALL.iter().map(|outcome| outcome.as_str());
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}
