//! The policy of a replay: the configured one, with other thresholds.

use clap::Args;
use portcullis_flows::sign_in::risk::RiskPolicy;
use serde::Serialize;

/// Other thresholds.
#[derive(Debug, Args)]
pub(super) struct Thresholds {
    /// The score from which a sign-in is challenged [default: the configured one]
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    challenge_at: Option<u32>,
    /// The score from which a sign-in is refused [default: the configured one]
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    refuse_at: Option<u32>,
}

impl Thresholds {
    /// The configured weights with these thresholds.
    pub(super) fn over(&self, configured: RiskPolicy) -> RiskPolicy {
        configured.with_thresholds(self.challenge_at, self.refuse_at)
    }
}

/// The thresholds of a policy, in an answer.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Shown {
    pub(super) challenge_at: u32,
    pub(super) refuse_at: u32,
}

impl From<RiskPolicy> for Shown {
    fn from(policy: RiskPolicy) -> Self {
        Self { challenge_at: policy.challenge_at, refuse_at: policy.refuse_at }
    }
}
