//! `policy replay`: replays recorded decisions against another matrix and lists the changes.

mod log;

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use portcullis_access::replay::{ReplayReport, ReplayedChange};
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::access::matrix::ReplayStep;
use serde::Serialize;

use super::named::MatrixSource;
use super::versions::Versions;
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::table::Table;
use crate::{moment, progress};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The default period of a replay from the database.
const DEFAULT_DAYS: u32 = 7;

/// The matrix to try, and the decisions to replay.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The matrix to try: a file, or the number of a version
    matrix: MatrixSource,
    /// Only decisions of the last N days [default: 7, or all of the export]
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "until"],
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Only decisions from this time on
    #[arg(long, value_parser = moment::parse)]
    from: Option<Timestamp>,
    /// Only decisions before this time
    #[arg(long, value_parser = moment::parse)]
    until: Option<Timestamp>,
    /// Read the decisions from this export (`audit export --format jsonl`), not from the database
    #[arg(long, value_name = "EXPORT.jsonl")]
    log: Option<PathBuf>,
}

pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let now = Ambient::system().now();
    let since = |days: u32| now - DAY * days;
    let matrix = arguments.matrix.to_string();
    let until = arguments.until;
    let (from, report) = if let Some(file) = &arguments.log {
        let candidate = arguments.matrix.parse(&arguments.matrix.text_alone(loaded)?)?;
        let from = arguments.days.map(since).or(arguments.from);
        (from, log::replay(file, &candidate, (from, until), output)?)
    } else {
        let operator = operator("policy replay");
        let versions = Versions::open_recorded(loaded, &operator)?;
        let text = arguments.matrix.text(&versions)?;
        arguments.matrix.parse(&text)?;
        let from = arguments.from.unwrap_or_else(|| since(arguments.days.unwrap_or(DEFAULT_DAYS)));
        let period = (from, until.unwrap_or(now));
        let bar = progress::counting("decisions", output);
        let mut count = |step: ReplayStep| {
            bar.inc(step.decisions);
            ControlFlow::Continue(())
        };
        let report = versions.matrices()?.replay(&text, period, &operator, &mut count)?;
        bar.finish_and_clear();
        (Some(from), report)
    };
    output.answer(&ReplayOutput { matrix, from, until, report })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct ReplayOutput {
    matrix: String,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(flatten)]
    report: ReplayReport,
}

/// Lines of a printed replay; `--json` has more.
const MAX_LINES: usize = 100;

impl fmt::Display for ReplayOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { matrix, report, .. } = self;
        let ReplayReport { examined, gained, lost, changes, left_out } = report;
        Table(changes.iter().take(MAX_LINES).map(row).collect()).fmt(f)?;
        if changes.len() > MAX_LINES || *left_out > 0 {
            writeln!(f, "… and more, which change less often (--json prints the first 10,000)")?;
        }
        write!(
            f,
            "Of {examined} decisions, {gained} denials would be grants under {matrix}, and {lost} \
             grants would be denials."
        )
    }
}

fn row(change: &ReplayedChange) -> [String; 6] {
    let ReplayedChange { role, resource, action, times, subjects, rule, .. } = change;
    let others = if change.times_by_others > 0 { "+" } else { "" };
    [
        if change.gains { "gains" } else { "loses" }.to_owned(),
        role.clone(),
        format!("{resource} {action}"),
        format!("{times} times"),
        format!("{}{others} subjects", subjects.len()),
        rule.clone(),
    ]
}
