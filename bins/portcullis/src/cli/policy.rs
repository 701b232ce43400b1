use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use portcullis_domain::Timestamp;

use crate::command::policy::Named;
use crate::moment;

/// What can be done with access matrices.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyVerb {
    /// Name every fault of a matrix file, by line
    Check {
        /// The file [default: the version in force; the configured file before the first start]
        file: Option<PathBuf>,
    },
    /// Print a version
    Export(PolicyExport),
    /// Say what one matrix changes for whom against another
    Diff(PolicyDiff),
    /// Say whether a role may, and why
    Explain(Box<PolicyExplain>),
    /// Ask a matrix the questions that were really asked, and say whose answers change
    Replay(PolicyReplay),
    /// Put a file or an earlier version in force, on all nodes within a second
    Activate {
        /// A matrix file, or the number of a version
        matrix: Named,
    },
    /// Put the version in force that was before the one that is
    Rollback,
    /// List what was in force when, and by whom
    History,
}

/// What to print, and how.
#[derive(Debug, Args)]
pub(crate) struct PolicyExport {
    /// The number of the version [default: the one in force]
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
    /// The file as it was handed in, or the effective table
    #[arg(long, default_value = "toml")]
    pub(crate) format: MatrixFormat,
}

/// How a matrix is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    Toml,
    Json,
    Csv,
    Markdown,
}

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct PolicyDiff {
    /// The matrix that would come: a file, or the number of a version
    pub(crate) candidate: Named,
    /// The matrix whose place it would take [default: the one in force]
    pub(crate) base: Option<Named>,
}

/// One question.
#[derive(Debug, Args)]
pub(crate) struct PolicyExplain {
    /// The role of whoever would act
    #[arg(long)]
    pub(crate) role: String,
    /// What would be acted on
    #[arg(long)]
    pub(crate) resource: String,
    /// What would be done
    #[arg(long)]
    pub(crate) action: String,
    /// Who would act
    #[arg(long, default_value = "")]
    pub(crate) subject: String,
    /// Whose resource it is
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// Who takes part in it; may be repeated
    #[arg(long = "party", value_name = "PARTY")]
    pub(crate) parties: Vec<String>,
    /// A further attribute, its value JSON or a text; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    pub(crate) attributes: Vec<(String, serde_json::Value)>,
    /// Ask this file [default: the matrix in force]
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
}

/// What to ask again.
#[derive(Debug, Args)]
pub(crate) struct PolicyReplay {
    /// The matrix to try: a file, or the number of a version
    pub(crate) matrix: Named,
    /// The decisions of the last N days [default: 7, or all of the export]
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "until"],
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: Option<u32>,
    /// The decisions since this time
    #[arg(long, value_parser = moment::parse)]
    pub(crate) from: Option<Timestamp>,
    /// The decisions before this time
    #[arg(long, value_parser = moment::parse)]
    pub(crate) until: Option<Timestamp>,
    /// Read them from this export (`audit export --format jsonl`), not from the database
    #[arg(long, value_name = "EXPORT.jsonl")]
    pub(crate) log: Option<PathBuf>,
}

fn attribute(text: &str) -> Result<(String, serde_json::Value), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}
