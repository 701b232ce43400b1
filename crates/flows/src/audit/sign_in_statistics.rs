//! Statistics of sign-ins: successes and refusals over time, and the accounts and addresses with the most
//! refusals.
//!
//! Every number is the number of `sign_in` events of the audit log in the period. Storage counts the events
//! once, in the order of their chains, and adds the events that are not counted yet when it reads, so that
//! neither a late event nor a node that stops makes a number wrong.

mod period;

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Filter, Outcome};
use portcullis_domain::{AccountId, Ambient, Timestamp, Username};

pub use self::period::{HOURS_OF_WEEK, MAX_BUCKETS, Period, PeriodError, Step};
use crate::StoreError;
use crate::effects::{Effects, event_now};
use crate::node::job::BatchResult;
use crate::principal::Principal;

/// The port of the statistics of sign-ins.
pub trait SignInStatisticsStore: Send + Sync {
    /// The counts of the period in one snapshot, with at most `most` accounts and addresses; and records the
    /// effects. Fails while too many events are not counted yet.
    fn sign_in_counts(
        &self,
        period: &Period,
        most: usize,
        effects: &Effects,
    ) -> Result<SignInCounts, StoreError>;

    /// Counts at most `most` further events of the audit log. Each event is counted once, whatever other
    /// nodes do.
    fn count_sign_ins(&self, most: u32) -> Result<BatchResult, StoreError>;
}

/// The counts of a period, as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInCounts {
    /// The events by time and outcome, in no order.
    pub cells: Vec<SignInCell>,
    /// The accounts with the most refusals.
    pub accounts: TopList<RefusedAccount>,
    /// The addresses with the most refusals.
    pub addresses: TopList<RefusedAddress>,
}

/// The events of one outcome in a part of the period that is within one step and within one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInCell {
    /// The start of the minute or hour.
    pub at: Timestamp,
    /// The outcome.
    pub outcome: String,
    /// The number of events.
    pub events: u64,
    /// The number of these events that name no account.
    pub without_account: u64,
}

/// The entries with the most refusals, the highest number first. Each number is exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopList<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// `None` if no other entry has more refusals than the last one listed. Otherwise too many entries have
    /// too few refusals each to be ranked in time, and none that is left out has more than this number.
    pub others_at_most: Option<u64>,
}

impl<T> Default for TopList<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), others_at_most: None }
    }
}

/// An account with refused sign-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAccount {
    /// The account.
    pub account: AccountId,
    /// Its user name; `None` if the account is deleted.
    pub username: Option<Username>,
    /// The number of refusals.
    pub refusals: u64,
}

/// A client address with refused sign-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAddress {
    /// The address, as in the audit log.
    pub address: String,
    /// The number of refusals.
    pub refusals: u64,
}

/// The sign-ins of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInReport {
    /// The period.
    pub period: Period,
    /// All sign-ins of the period.
    pub total: SignInBucket,
    /// The refusals of names that no account has.
    pub without_account: u64,
    /// The sign-ins of each step, also of those without any, in the order of time. The first and the last
    /// one have only what is in the period.
    pub buckets: Vec<SignInBucket>,
    /// The refusals of each hour of the week in UTC: the first one is Monday from 0 to 1 o'clock.
    pub by_hour_of_week: [u64; HOURS_OF_WEEK],
    /// The accounts with the most refusals.
    pub accounts: TopList<RefusedAccount>,
    /// The addresses with the most refusals.
    pub addresses: TopList<RefusedAddress>,
}

/// The sign-ins of a time span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInBucket {
    /// The start of the span.
    pub start: Timestamp,
    /// The successful sign-ins.
    pub successes: u64,
    /// The refusals by outcome, without those that did not occur.
    pub refusals: BTreeMap<String, u64>,
}

impl SignInBucket {
    const fn new(start: Timestamp) -> Self {
        Self { start, successes: 0, refusals: BTreeMap::new() }
    }

    /// The number of refusals.
    pub fn refused(&self) -> u64 {
        self.refusals.values().sum()
    }

    fn add(&mut self, cell: &SignInCell) {
        if is_success(&cell.outcome) {
            self.successes += cell.events;
        } else {
            *self.refusals.entry(cell.outcome.clone()).or_default() += cell.events;
        }
    }
}

/// Returns whether the outcome of a sign-in, as stored, is a session. Every other one is a refusal.
pub fn is_success(outcome: &str) -> bool {
    outcome == Outcome::Success.as_str()
}

/// Reads the statistics of sign-ins. Each reading is recorded as a search of the audit log for sign-ins.
pub struct SignInStatistics {
    store: Arc<dyn SignInStatisticsStore>,
    ambient: Ambient,
}

/// The number of accounts and addresses that are listed.
const MOST: usize = 20;

impl SignInStatistics {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn SignInStatisticsStore>, ambient: Ambient) -> Self {
        Self { store, ambient }
    }

    /// The period from `from`, by default a day before its end, until `until`, by default now.
    ///
    /// # Errors
    ///
    /// If the period is empty, or has too many steps.
    pub fn period(
        &self,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
        step: Option<Step>,
    ) -> Result<Period, PeriodError> {
        let until = until.unwrap_or_else(|| self.ambient.now());
        let from = from.unwrap_or_else(|| until - Step::Day.length());
        Period::new(from, until, step)
    }

    /// The sign-ins of the period.
    ///
    /// # Errors
    ///
    /// If the database fails, or too many events are not counted yet.
    pub fn read(&self, principal: &Principal, period: Period) -> Result<SignInReport, StoreError> {
        let (kind, outcome) = (EventKind::AuditSearched, Outcome::Success);
        let event = event_now(kind, outcome, &principal.origin, &self.ambient);
        let filter = Filter {
            from: Some(period.from()),
            until: Some(period.until()),
            kind: Some(EventKind::SignIn),
            ..Filter::default()
        };
        let event = event.by(principal.actor).with(Details::Search { filter });
        let counts = self.store.sign_in_counts(&period, MOST, &event.into())?;
        Ok(report(period, counts))
    }
}

fn report(period: Period, counts: SignInCounts) -> SignInReport {
    let mut total = SignInBucket::new(period.from());
    let mut buckets: Vec<_> = period.buckets().map(SignInBucket::new).collect();
    let mut by_hour_of_week = [0; HOURS_OF_WEEK];
    let mut without_account = 0;
    for cell in &counts.cells {
        total.add(cell);
        if let Some(bucket) = buckets.get_mut(period.index_of(cell.at)) {
            bucket.add(cell);
        }
        if !is_success(&cell.outcome) {
            without_account += cell.without_account;
            if let Some(hour) = by_hour_of_week.get_mut(period::hour_of_week(cell.at)) {
                *hour += cell.events;
            }
        }
    }
    let SignInCounts { accounts, addresses, .. } = counts;
    SignInReport { period, total, without_account, buckets, by_hour_of_week, accounts, addresses }
}
