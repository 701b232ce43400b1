//! The bans of the section `rate_limit`: offences, and durations.

use std::time::Duration;

use portcullis_rate_limit::{BanPolicy, MAX_SLIDING_LIMIT};

use super::finding::Findings;
use super::raw;

/// The checked keys.
#[derive(Clone, Debug)]
pub struct Bans {
    /// True if offenders are banned.
    pub is_automatic: bool,
    /// The numbers.
    pub policy: BanPolicy,
}

pub(crate) fn check(raw: &raw::RateLimit, findings: &mut Findings) -> Bans {
    const DAY: u64 = 24 * 60 * 60;
    let default = BanPolicy::default();
    let mut seconds = |key, value, default: Duration, longest| {
        Duration::from_secs(findings.within(key, value, default.as_secs(), 60..=longest))
    };
    let window =
        seconds("rate_limit.ban_window_seconds", raw.ban_window_seconds, default.window, DAY);
    let first = seconds("rate_limit.ban_first_seconds", raw.ban_first_seconds, default.first, DAY);
    let longest = seconds(LONGEST, raw.ban_longest_seconds, default.longest, 31 * DAY);
    let offences = findings.within(
        "rate_limit.ban_offences",
        raw.ban_offences,
        default.offences,
        10..=MAX_SLIDING_LIMIT,
    );
    if longest < first {
        let remedy = "raise it, or lower rate_limit.ban_first_seconds";
        findings.fault(LONGEST, "is shorter than the first ban", remedy);
    }
    let policy = BanPolicy { offences, window, first, longest, ..default };
    Bans { is_automatic: raw.bans.unwrap_or(true), policy }
}

const LONGEST: &str = "rate_limit.ban_longest_seconds";
