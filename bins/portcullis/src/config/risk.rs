//! The section `risk`: the assessment of sign-ins, its weights and thresholds, and its files.

use std::path::PathBuf;

use portcullis_flows::sign_in::risk::{CountedWeight, RiskPolicy, RiskWeights};

use super::finding::Findings;
use super::raw;

/// The checked section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// The policy; `None` if no sign-in is assessed.
    pub policy: Option<RiskPolicy>,
    /// The file of bad addresses.
    pub bad_addresses: Option<PathBuf>,
    /// The file of positions.
    pub positions: Option<PathBuf>,
}

/// The maximum of points and thresholds.
const MAX_POINTS: u32 = 1_000;

impl Risk {
    pub(crate) fn check(raw: raw::Risk, findings: &mut Findings) -> Self {
        const REFUSE: &str = "risk.refuse_at";
        let default = RiskPolicy::default();
        let points = 1..=MAX_POINTS;
        let challenge_at = "risk.challenge_at";
        let challenge_at =
            findings.within(challenge_at, raw.challenge_at, default.challenge_at, points.clone());
        let refuse_at = findings.within(REFUSE, raw.refuse_at, default.refuse_at, points);
        if refuse_at < challenge_at {
            let problem = "is below risk.challenge_at, so nobody would ever be challenged";
            findings.fault(REFUSE, problem, "write at least risk.challenge_at");
        }
        let policy =
            RiskPolicy { weights: weights(&raw.weights, findings), challenge_at, refuse_at };
        Self {
            policy: raw.enabled.unwrap_or(true).then_some(policy),
            bad_addresses: raw.bad_addresses,
            positions: raw.positions,
        }
    }
}

fn weights(raw: &raw::RiskWeights, findings: &mut Findings) -> RiskWeights {
    let default = RiskWeights::default();
    let below = "risk.weights.unusual_below_permille";
    let below = findings.within(
        below,
        raw.unusual_below_permille,
        default.unusual_below_permille,
        0..=1_000,
    );
    let mut points = |key: &str, value: Option<u32>, default: u32| {
        findings.within(&format!("risk.weights.{key}"), value, default, 0..=MAX_POINTS)
    };
    let mut counted = |key: &str, value: Option<&raw::CountedWeight>, default: CountedWeight| {
        let value = value.copied().unwrap_or_default();
        CountedWeight {
            free: points(&format!("{key}.free"), value.free, default.free),
            each: points(&format!("{key}.each"), value.each, default.each),
            max: points(&format!("{key}.max"), value.max, default.max),
        }
    };
    RiskWeights {
        account_failures: counted(
            "account_failures",
            raw.account_failures.as_ref(),
            default.account_failures,
        ),
        network_failures: counted(
            "network_failures",
            raw.network_failures.as_ref(),
            default.network_failures,
        ),
        network_names: counted("network_names", raw.network_names.as_ref(), default.network_names),
        new_device: points("new_device", raw.new_device, default.new_device),
        new_network: points("new_network", raw.new_network, default.new_network),
        unusual_hour: points("unusual_hour", raw.unusual_hour, default.unusual_hour),
        unusual_below_permille: below,
        impossible_travel: points(
            "impossible_travel",
            raw.impossible_travel,
            default.impossible_travel,
        ),
        listed_address: points("listed_address", raw.listed_address, default.listed_address),
    }
}
