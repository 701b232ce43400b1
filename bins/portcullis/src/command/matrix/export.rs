//! `policy export`: prints one version, as its original file or as the effective table.

use std::fmt;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::named::MatrixSource;
use super::versions::Versions;
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The version to print, and its format.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The number of the version [default: the one in force]
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// The original file (toml), or the effective table
    #[arg(long, default_value = "toml")]
    format: MatrixFormat,
}

/// The format of a printed matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    Toml,
    Json,
    Csv,
    Markdown,
}

pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let versions = Versions::open(loaded)?;
    let number = arguments.version.or(versions.number());
    let text = arguments.version.map_or_else(|| versions.text_in_force(), |n| versions.text(n))?;
    let matrix = || {
        number.map_or_else(|| Ok(versions.in_force()), |n| MatrixSource::Version(n).parse(&text))
    };
    let (format, content) = match arguments.format {
        MatrixFormat::Toml => ("toml", text.clone()),
        MatrixFormat::Json => ("json", matrix()?.to_json()),
        MatrixFormat::Csv => ("csv", matrix()?.to_csv()),
        MatrixFormat::Markdown => ("markdown", matrix()?.to_markdown()),
    };
    output.answer(&ExportOutput { version: number, format, content })?;
    Ok(ExitCode::SUCCESS)
}

/// As text, only the content, so that it can be piped.
#[derive(Serialize)]
struct ExportOutput {
    version: Option<u32>,
    format: &'static str,
    content: String,
}

impl fmt::Display for ExportOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.content)
    }
}
