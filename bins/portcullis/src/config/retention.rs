//! The section `retention`: the retention of everything but the audit log.

use std::time::Duration;

use portcullis_flows::node::retention::RetentionPolicy;

use super::finding::Findings;
use super::raw;

const HOUR: Duration = Duration::from_secs(60 * 60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks the section, together with the lifetime of a refresh token.
pub(crate) fn check(
    raw: &raw::Retention,
    refresh_lifetime: Duration,
    findings: &mut Findings,
) -> RetentionPolicy {
    const SESSIONS: &str = "retention.sessions_days";
    const DEVICES: &str = "retention.devices_days";
    let sessions = DAY * findings.within(SESSIONS, raw.sessions_days, 90, 1..=36_500);
    if sessions <= refresh_lifetime {
        let problem = "is not longer than the lifetime of a refresh token (tokens.refresh_days)";
        findings.fault(SESSIONS, problem, "write more than tokens.refresh_days");
    }
    let failures = "retention.sign_in_failures_days";
    let failures = findings.within(failures, raw.sign_in_failures_days, 90, 30..=36_500);
    let messages = findings.within("retention.outbox_days", raw.outbox_days, 90, 1..=36_500);
    let delivered = "retention.delivered_mails_days";
    let delivered = findings.within(delivered, raw.delivered_mails_days, 7, 1..=36_500);
    // Longer than the link of an alert lives after the longest delivery: until then a former address can
    // take the account back.
    let emails = "retention.former_emails_days";
    let emails = findings.within(emails, raw.former_emails_days, 40, 40..=36_500);
    let keys = findings.within("retention.api_keys_days", raw.api_keys_days, 30, 1..=36_500);
    let devices = findings.within(DEVICES, raw.devices_days, 90, 1..=400);
    let expired = findings.within("retention.expired_hours", raw.expired_hours, 1, 1..=8_760);
    RetentionPolicy {
        sessions,
        failures: DAY * failures,
        messages: DAY * messages,
        delivered_messages: DAY * delivered,
        former_emails: DAY * emails,
        api_keys: DAY * keys,
        devices: DAY * devices,
        expired: HOUR * expired,
    }
}
