//! `risk explain`: the signals of the latest sign-ins of an account.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::sign_in::risk_replay::{ReplayedSignIn, RiskReplay};
use serde::Serialize;

use super::policy::{Shown, Thresholds};
use crate::command::user::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The account, and the number of its sign-ins.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    name: Name,
    /// The number of sign-ins, the latest first
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    last: u16,
    #[command(flatten)]
    thresholds: Thresholds,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("risk explain");
    let store = opening::opened_existing(config, &operator.origin)?.store;
    let account = arguments.name.find(&store)?;
    let replay = assembly::sign_in::risk_replay(&store, config, &Ambient::system());
    let policy = arguments.thresholds.over(replay.policy());
    let filter = RiskReplay::filter(None, Some(account.id));
    let found = replay.search(&operator, &filter, None, &policy, usize::from(arguments.last));
    let found = found.map_err(|error| {
        Failure::failed(error, "run `portcullis audit verify`, which reports what is damaged")
    })?;
    let sign_ins = found.sign_ins.into_iter().map(SignIn::from).collect();
    output.answer(&Explained { thresholds: policy.into(), sign_ins })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Explained {
    thresholds: Shown,
    sign_ins: Vec<SignIn>,
}

#[derive(Serialize)]
struct SignIn {
    event: String,
    at: Timestamp,
    address: String,
    recorded_score: u32,
    recorded_outcome: &'static str,
    score: u32,
    outcome: &'static str,
    signals: Vec<ShownSignal>,
}

#[derive(Serialize)]
struct ShownSignal {
    signal: &'static str,
    points: u32,
    reason: String,
}

impl From<ReplayedSignIn> for SignIn {
    fn from(sign_in: ReplayedSignIn) -> Self {
        let ReplayedSignIn { event, at, address, recorded, replayed, account: _ } = sign_in;
        let signals = replayed.signals.iter().map(|shown| ShownSignal {
            signal: shown.signal.as_str(),
            points: shown.points,
            reason: shown.signal.explain(&recorded.facts),
        });
        Self {
            event: event.to_string(),
            at,
            address,
            recorded_score: recorded.score,
            recorded_outcome: recorded.outcome.as_str(),
            score: replayed.score,
            outcome: replayed.outcome.as_str(),
            signals: signals.collect(),
        }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thresholds, sign_ins } = self;
        for sign_in in sign_ins {
            let SignIn { at, address, recorded_score, recorded_outcome, score, outcome, .. } =
                sign_in;
            writeln!(f, "{at} from {address}: {recorded_outcome} with {recorded_score} points")?;
            for ShownSignal { signal, points, reason } in &sign_in.signals {
                writeln!(f, "  {points:>4}  {signal}: {reason}")?;
            }
            if (recorded_score, recorded_outcome) != (score, outcome) {
                writeln!(f, "  under these weights and thresholds: {outcome} with {score} points")?;
            }
        }
        if sign_ins.is_empty() {
            writeln!(f, "No sign-in of the account was assessed.")?;
        }
        let Shown { challenge_at, refuse_at } = thresholds;
        write!(f, "Challenged from {challenge_at} points, refused from {refuse_at} points.")
    }
}
