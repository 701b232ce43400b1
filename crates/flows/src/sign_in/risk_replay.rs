//! Explanation and replay of recorded sign-ins: the facts that were recorded, under another policy.
//!
//! The risk is a pure function of the facts, so nothing else is read. Each reading of the audit log is
//! recorded.

use std::sync::Arc;

use portcullis_audit::{EntryId, EventKind, Filter, RecordedRisk, RiskOutcome};
use portcullis_domain::{AccountId, Timestamp};
use serde::Serialize;

use crate::audit::trail::{AuditLog, AuditLogError};
use crate::principal::Principal;
use crate::sign_in::risk::{RiskAssessment, RiskPolicy};

/// A recorded sign-in, and its assessment under a policy.
#[derive(Clone, Debug)]
pub struct ReplayedSignIn {
    /// The recorded event.
    pub event: EntryId,
    /// The time.
    pub at: Timestamp,
    /// The account.
    pub account: Option<AccountId>,
    /// The client address.
    pub address: String,
    /// The recorded assessment.
    pub recorded: RecordedRisk,
    /// The assessment of the same facts under the policy.
    pub replayed: RiskAssessment,
}

/// The result of a replay.
#[derive(Clone, Debug, Default)]
pub struct RiskReplayReport {
    /// The number of sign-ins.
    pub examined: u64,
    /// The number of sign-ins by recorded outcome and by outcome under the policy, in the order of
    /// [`RiskOutcome::ALL`].
    pub counts: [[u64; 3]; 3],
    /// The latest sign-ins with another outcome, at most [`RiskReplay::MAX_CHANGES`].
    pub changes: Vec<ReplayedSignIn>,
    /// The number of further ones.
    pub left_out: u64,
}

/// The number of sign-ins with one pair of outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// The recorded outcome.
    pub was: RiskOutcome,
    /// The outcome under the policy.
    pub would_be: RiskOutcome,
    /// The number of sign-ins.
    pub sign_ins: u64,
}

impl RiskReplayReport {
    /// The pairs of outcomes that occurred.
    pub fn outcomes(&self) -> Vec<OutcomeCount> {
        let rows = RiskOutcome::ALL.iter().zip(&self.counts);
        let cells = rows.flat_map(|(was, row)| {
            RiskOutcome::ALL.iter().zip(row).map(|(would_be, sign_ins)| OutcomeCount {
                was: *was,
                would_be: *would_be,
                sign_ins: *sign_ins,
            })
        });
        cells.filter(|cell| cell.sign_ins > 0).collect()
    }

    fn count(&mut self, was: RiskOutcome, would_be: RiskOutcome) {
        let place = |outcome| RiskOutcome::ALL.iter().position(|other| *other == outcome);
        let row = place(was).and_then(|row| self.counts.get_mut(row));
        let cell = row.zip(place(would_be)).and_then(|(row, column)| row.get_mut(column));
        if let Some(cell) = cell {
            *cell += 1;
        }
        self.examined += 1;
    }
}

/// Explains and replays recorded sign-ins.
pub struct RiskReplay {
    log: Arc<AuditLog>,
}

impl RiskReplay {
    /// The maximum of listed changes.
    pub const MAX_CHANGES: usize = 1_000;

    /// Creates the use case from its dependencies.
    pub const fn new(log: Arc<AuditLog>) -> Self {
        Self { log }
    }

    /// The latest assessed sign-ins of the account, at most `most`.
    ///
    /// # Errors
    ///
    /// If the audit log cannot be read.
    pub fn latest(
        &self,
        principal: &Principal,
        account: AccountId,
        policy: &RiskPolicy,
        most: usize,
    ) -> Result<Vec<ReplayedSignIn>, AuditLogError> {
        let filter = Filter { subject: Some(account), ..assessed() };
        let page = self.log.search(principal, &filter, None, most)?;
        Ok(page.entries.into_iter().filter_map(|entry| replayed(entry, policy)).collect())
    }

    /// Assesses the sign-ins of a period again. `progress` gets the number of each step.
    ///
    /// # Errors
    ///
    /// If the audit log cannot be read.
    pub fn replay(
        &self,
        principal: &Principal,
        (from, until): (Timestamp, Timestamp),
        policy: &RiskPolicy,
        progress: &mut dyn FnMut(u64),
    ) -> Result<RiskReplayReport, AuditLogError> {
        let filter = Filter { from: Some(from), until: Some(until), ..assessed() };
        let mut report = RiskReplayReport::default();
        let mut cursor = None;
        loop {
            let page = self.log.search(principal, &filter, cursor, PAGE)?;
            progress(u64::try_from(page.entries.len()).unwrap_or(u64::MAX));
            for sign_in in page.entries.into_iter().filter_map(|entry| replayed(entry, policy)) {
                let (was, would_be) = (sign_in.recorded.outcome, sign_in.replayed.outcome);
                report.count(was, would_be);
                if was == would_be {
                    continue;
                }
                if report.changes.len() < Self::MAX_CHANGES {
                    report.changes.push(sign_in);
                } else {
                    report.left_out += 1;
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(report);
            }
        }
    }
}

/// Entries per read.
const PAGE: usize = 256;

fn assessed() -> Filter {
    Filter { kind: Some(EventKind::SignInAssessed), ..Filter::default() }
}

fn replayed(entry: portcullis_audit::Entry<'_>, policy: &RiskPolicy) -> Option<ReplayedSignIn> {
    let recorded = RecordedRisk::from_details_json(entry.details.as_deref()?)?;
    Some(ReplayedSignIn {
        event: entry.id,
        at: entry.at,
        account: entry.subject,
        address: entry.address.into_owned(),
        replayed: policy.assess(&recorded.facts),
        recorded,
    })
}
