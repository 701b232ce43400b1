//! `risk replay`: the recorded sign-ins of a period under other weights and thresholds.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use portcullis_domain::{AccountId, Ambient, Timestamp};
use portcullis_flows::sign_in::risk_replay::{OutcomeCount, ReplayedSignIn, RiskReplayReport};
use serde::Serialize;

use super::policy::{Shown, Thresholds};
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::table::Table;
use crate::{assembly, opening, progress};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The period and the thresholds.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The sign-ins of the last N days
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    #[command(flatten)]
    thresholds: Thresholds,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("risk replay");
    let store = opening::opened_existing(config, &operator.origin)?.store;
    let ambient = Ambient::system();
    let replay = assembly::sign_in::risk_replay(&store, config, &ambient);
    let policy = arguments.thresholds.over(replay.policy());
    let now = ambient.now();
    let period = (now - DAY * arguments.days, now);
    let bar = progress::counting("sign-ins", output);
    let report = replay.replay(&operator, period, &policy, u64::MAX, &mut |count| bar.inc(count));
    let report = report.map_err(|error| {
        Failure::failed(error, "run `portcullis audit verify`, which reports what is damaged")
    })?;
    bar.finish_and_clear();
    output.answer(&Replayed::new(policy.into(), &report))?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Replayed {
    thresholds: Shown,
    examined: u64,
    outcomes: Vec<OutcomeCount>,
    changes: Vec<Change>,
    left_out: u64,
}

#[derive(Serialize)]
struct Change {
    at: Timestamp,
    account: Option<AccountId>,
    address: String,
    was: &'static str,
    would_be: &'static str,
    score: u32,
}

impl Replayed {
    fn new(thresholds: Shown, report: &RiskReplayReport) -> Self {
        let change = |sign_in: &ReplayedSignIn| Change {
            at: sign_in.at,
            account: sign_in.account,
            address: sign_in.address.clone(),
            was: sign_in.recorded.outcome.as_str(),
            would_be: sign_in.replayed.outcome.as_str(),
            score: sign_in.replayed.score,
        };
        Self {
            thresholds,
            examined: report.examined,
            outcomes: report.outcomes(),
            changes: report.changes.iter().map(change).collect(),
            left_out: report.left_out,
        }
    }
}

/// Lines of a printed replay; `--json` has more.
const MAX_LINES: usize = 50;

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thresholds, examined, outcomes, changes, left_out } = self;
        let line = |change: &Change| {
            [
                change.at.to_string(),
                change.account.map_or_else(|| "-".to_owned(), |account| account.to_string()),
                change.address.clone(),
                format!("{} -> {}", change.was, change.would_be),
                format!("{} points", change.score),
            ]
        };
        Table(changes.iter().take(MAX_LINES).map(line).collect()).fmt(f)?;
        if changes.len() > MAX_LINES || *left_out > 0 {
            writeln!(f, "… and earlier ones (--json prints the latest 1,000)")?;
        }
        for OutcomeCount { was, would_be, sign_ins } in outcomes {
            writeln!(f, "{} -> {}: {sign_ins}", was.as_str(), would_be.as_str())?;
        }
        let Shown { challenge_at, refuse_at } = thresholds;
        write!(
            f,
            "{examined} sign-ins, challenged from {challenge_at} points and refused from {refuse_at}."
        )
    }
}
