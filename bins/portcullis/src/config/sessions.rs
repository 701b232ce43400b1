//! The section `sessions`: lifetimes of sessions and their tokens.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use portcullis_domain::Role;
use portcullis_flows::access::matrix::MatrixInForce;
use portcullis_flows::node::retention::RetentionPolicy;
use portcullis_flows::sign_in::factor::FactorPolicy;
use portcullis_flows::sign_in::network_policy::NetworkPolicy;
use portcullis_flows::sign_in::session_tokens::{OnReuse, SessionLifetimes, SessionPolicy};

use super::finding::Findings;
use super::raw::{self, Environment};
use crate::roles;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks the section, together with the lifetimes of tokens.
pub(crate) fn check(
    raw: raw::Sessions,
    tokens: &raw::Tokens,
    matrix: &MatrixInForce,
    environment: Environment,
    findings: &mut Findings,
) -> SessionPolicy {
    let in_production = environment == Environment::Production;
    let access = findings.within("tokens.access_minutes", tokens.access_minutes, 30, 1..=1440);
    if in_production && access > 60 {
        let problem = "keeps a stolen access token valid for more than an hour";
        findings.warn("tokens.access_minutes", problem, "write 30 or less");
    }
    if in_production && raw.on_reuse == Some(raw::OnReuse::This) {
        let problem = "keeps other stolen sessions active after the reuse of a refresh token";
        findings.warn("sessions.on_reuse", problem, "write \"all\"");
    }
    if in_production && raw.rotate == Some(false) {
        let problem = "cannot be switched off in production";
        findings.fault("sessions.rotate", problem, "remove it");
    }
    let refresh = findings.within("tokens.refresh_days", tokens.refresh_days, 7, 1..=90);
    let absolute = findings.within("sessions.absolute_days", raw.absolute_days, 30, 1..=365);
    if in_production && absolute > 30 {
        let problem = "is more than the 30 days that NIST recommends";
        findings.warn("sessions.absolute_days", problem, "write 30 or less");
    }
    let grace = raw.rotation_grace_seconds;
    let grace = findings.within("sessions.rotation_grace_seconds", grace, 60, 0..=300);
    // With a shorter time than the lifetime of an access token, a session would end while it is in use.
    let idle = (access + 1)..=(refresh * 24 * 60);
    SessionPolicy {
        access_lifetime: MINUTE * access,
        refresh_lifetime: DAY * refresh,
        absolute_lifetime: DAY * absolute,
        absolute_lifetime_by_role: ByRole {
            key: "sessions.absolute_hours_by_role",
            unit: HOUR,
            range: 1..=8760,
        }
        .check(raw.absolute_hours_by_role, matrix, findings),
        idle_lifetime_by_role: ByRole {
            key: "sessions.idle_minutes_by_role",
            unit: MINUTE,
            range: idle,
        }
        .check(raw.idle_minutes_by_role, matrix, findings),
        most_senior: SessionLifetimes {
            absolute: HOUR * 12,
            idle: MINUTE * 60.max(access.saturating_mul(2)),
        },
        most_sessions: findings.within("sessions.most", raw.most, 10, 1..=1000),
        rotate: raw.rotate.unwrap_or(true),
        rotation_grace: SECOND * grace,
        on_reuse: match raw.on_reuse {
            None | Some(raw::OnReuse::All) => OnReuse::EndAllSessions,
            Some(raw::OnReuse::This) => OnReuse::EndThisSession,
        },
        alert_new_devices: raw.alert_new_devices.unwrap_or(true),
        device_memory: RetentionPolicy::default().devices,
        factors: FactorPolicy::default(),
        networks: NetworkPolicy::default(),
    }
}

/// A table of roles, each with a number of hours or minutes.
struct ByRole {
    key: &'static str,
    unit: Duration,
    range: RangeInclusive<u32>,
}

impl ByRole {
    fn check(
        self,
        raw: Option<BTreeMap<String, u32>>,
        matrix: &MatrixInForce,
        findings: &mut Findings,
    ) -> BTreeMap<Role, Duration> {
        let mut lifetimes = BTreeMap::new();
        for (word, number) in raw.unwrap_or_default() {
            let key = format!("{}.{word}", self.key);
            let default = *self.range.end();
            let number = findings.within(&key, Some(number), default, self.range.clone());
            match roles::find(&matrix.matrix, &word) {
                Some(role) => drop(lifetimes.insert(role, self.unit * number)),
                // A faulty matrix has no known roles.
                None if !findings.is_sound("access") => {}
                None => {
                    let problem = "names no role of the access matrix";
                    findings.fault(&key, problem, roles::choices(&matrix.matrix));
                }
            }
        }
        lifetimes
    }
}
