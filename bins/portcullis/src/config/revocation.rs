//! The section `revocation`: polling and staleness.

use std::time::Duration;

use portcullis_flows::node::revocation::{RevocationPolicy, WhenStale};

use super::finding::Findings;
use super::raw;

pub(crate) fn check(raw: &raw::Revocation, findings: &mut Findings) -> RevocationPolicy {
    // A revocation must reach every node within a second, also right after a poll.
    let poll = findings.within("revocation.poll_ms", raw.poll_ms, 250, 20..=500);
    let staleness =
        findings.within("revocation.staleness_seconds", raw.staleness_seconds, 30, 2..=3600);
    RevocationPolicy {
        strict: raw.strict.unwrap_or(false),
        poll: Duration::from_millis(poll),
        staleness: Duration::from_secs(staleness),
        when_stale: match raw.when_stale {
            None | Some(raw::WhenStale::RefuseChanges) => WhenStale::RefuseChanges,
            Some(raw::WhenStale::RefuseAll) => WhenStale::RefuseAll,
        },
    }
}
