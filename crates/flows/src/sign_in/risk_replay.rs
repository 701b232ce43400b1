//! Explanation and replay of recorded sign-ins: the facts that were recorded, under another policy.
//!
//! The risk is a pure function of the facts, so nothing else is read. Each reading of the audit log is
//! recorded.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Cursor, EntryId, EventKind, Filter, RecordedRisk, RiskOutcome};
use portcullis_domain::{AccountId, Timestamp};
use serde::Serialize;

use crate::audit::trail::{AuditLog, AuditLogError};
use crate::principal::Principal;
use crate::sign_in::risk::{RiskAssessment, RiskPolicy, outcome_of_event};

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

/// A page of recorded sign-ins.
#[derive(Debug)]
pub struct RiskPage {
    /// The sign-ins, newest first.
    pub sign_ins: Vec<ReplayedSignIn>,
    /// The start of the next page; `None` at the end.
    pub next: Option<Cursor>,
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
    /// The time of the earliest of these sign-ins, if the period has earlier ones that were not assessed
    /// again because of their number.
    pub cut_at: Option<Timestamp>,
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
    configured: Option<RiskPolicy>,
}

impl RiskReplay {
    /// The maximum of listed changes.
    pub const MAX_CHANGES: usize = 1_000;

    /// The sign-ins that one request assesses again, at most: about half of what it may take with the
    /// database.
    pub const MAX_OF_REQUEST: u64 = 20_000;

    /// The days of the period of a request.
    pub const DAYS_OF_REQUEST: RangeInclusive<u32> = 1..=365;

    /// The days by default.
    pub const DEFAULT_DAYS: u32 = 30;

    /// Creates the use case from its dependencies, with the configured policy; `None` if no sign-in is
    /// assessed.
    pub const fn new(log: Arc<AuditLog>, configured: Option<RiskPolicy>) -> Self {
        Self { log, configured }
    }

    /// True if sign-ins are assessed.
    pub const fn is_on(&self) -> bool {
        self.configured.is_some()
    }

    /// The configured policy, or the default one if no sign-in is assessed.
    pub fn policy(&self) -> RiskPolicy {
        self.configured.unwrap_or_default()
    }

    /// The filter of the audit log for assessed sign-ins, with this outcome and of this account if they are
    /// given.
    pub fn filter(outcome: Option<RiskOutcome>, account: Option<AccountId>) -> Filter {
        Filter {
            kind: Some(EventKind::SignInAssessed),
            outcome: outcome.map(outcome_of_event),
            subject: account,
            ..Filter::default()
        }
    }

    /// A page of at most `most` assessed sign-ins that match a [filter](Self::filter), newest first.
    ///
    /// # Errors
    ///
    /// If the audit log cannot be read.
    pub fn search(
        &self,
        principal: &Principal,
        filter: &Filter,
        after: Option<Cursor>,
        policy: &RiskPolicy,
        most: usize,
    ) -> Result<RiskPage, AuditLogError> {
        let page = self.log.search(principal, filter, after, most)?;
        let sign_ins = page.entries.into_iter().filter_map(|entry| replayed(entry, policy));
        Ok(RiskPage { sign_ins: sign_ins.collect(), next: page.next })
    }

    /// Assesses the sign-ins of the days before now again, within the bounds of a request.
    ///
    /// # Errors
    ///
    /// If the audit log cannot be read.
    pub fn replay_days(
        &self,
        principal: &Principal,
        (days, now): (u32, Timestamp),
        policy: &RiskPolicy,
    ) -> Result<RiskReplayReport, AuditLogError> {
        let period = (now - DAY * days, now);
        self.replay(principal, period, policy, Self::MAX_OF_REQUEST, &mut |_| ())
    }

    /// Assesses the sign-ins of a period again, the latest `most` of them. `progress` gets the number of
    /// each step.
    ///
    /// # Errors
    ///
    /// If the audit log cannot be read.
    pub fn replay(
        &self,
        principal: &Principal,
        (from, until): (Timestamp, Timestamp),
        policy: &RiskPolicy,
        most: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<RiskReplayReport, AuditLogError> {
        let filter = Self::filter(None, None);
        let filter = Filter { from: Some(from), until: Some(until), ..filter };
        let mut report = RiskReplayReport::default();
        let (mut cursor, mut left) = (None, most);
        loop {
            let size = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
            let page = self.search(principal, &filter, cursor, policy, size)?;
            progress(u64::try_from(page.sign_ins.len()).unwrap_or(u64::MAX));
            left = left.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
            for sign_in in page.sign_ins {
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
            if let Some(cursor) = cursor.filter(|_| left == 0) {
                report.cut_at = Some(cursor.at);
                return Ok(report);
            }
            if cursor.is_none() {
                return Ok(report);
            }
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Entries per read. The audit log reads 256 rows at once, and one more tells that there is a next page.
const PAGE: usize = 255;

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
