//! The section `lockout`: waits after failed sign-ins.

use std::time::Duration;

use portcullis_rate_limit::LockoutPolicy;

use super::finding::Findings;
use super::raw::{self, Environment};

/// Checks the section. In production no value may be weaker than the default.
pub(crate) fn check(
    raw: &raw::Lockout,
    environment: Environment,
    findings: &mut Findings,
) -> LockoutPolicy {
    const WEEK: u64 = 7 * 24 * 60 * 60;
    let default = LockoutPolicy::default();
    let in_production = environment == Environment::Production;
    let most = |bound: u32, default: u32| if in_production { default } else { bound };
    let least = |default: Duration| if in_production { default.as_secs() } else { 1 };
    let mut seconds = |key, value, default: Duration| {
        let range = least(default)..=WEEK;
        Duration::from_secs(findings.within(key, value, default.as_secs(), range))
    };
    let first_wait =
        seconds("lockout.first_wait_seconds", raw.first_wait_seconds, default.first_wait);
    let longest_wait =
        seconds("lockout.longest_wait_seconds", raw.longest_wait_seconds, default.longest_wait);
    let forget_after =
        seconds("lockout.forget_after_seconds", raw.forget_after_seconds, default.forget_after);
    let free_failures = findings.within(
        "lockout.free_failures",
        raw.free_failures,
        default.free_failures,
        1..=most(100, default.free_failures),
    );
    let ceiling = findings.within(
        "lockout.ceiling",
        raw.ceiling,
        default.ceiling,
        10..=most(1000, default.ceiling),
    );
    if longest_wait < first_wait {
        let remedy = "raise it, or lower lockout.first_wait_seconds";
        findings.fault("lockout.longest_wait_seconds", "is shorter than the first wait", remedy);
    }
    if ceiling <= free_failures {
        let remedy = "raise it, or lower lockout.free_failures";
        findings.fault("lockout.ceiling", "is not above the free failures", remedy);
    }
    LockoutPolicy { free_failures, first_wait, longest_wait, forget_after, ceiling }
}
