//! Replay of logged decisions against a candidate matrix.
//!
//! Memory does not grow with the log: equal changes are counted together, and only a limited number
//! of subjects is named.

use std::collections::{BTreeSet, HashMap};

use portcullis_domain::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::condition::{DecisionContext, Parties};
use crate::decision::Decision;
use crate::matrix::Matrix;

/// The maximum number of different changes in a report.
const MAX_CHANGES: usize = 10_000;

/// The maximum number of subjects that one change names.
const MAX_SUBJECTS: usize = 100;

/// A logged question with its answer.
#[derive(Clone, Copy, Debug)]
pub struct LoggedDecision<'a> {
    /// The time of the decision.
    pub at: Timestamp,
    /// The role of the subject at that time.
    pub role: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// The action.
    pub action: &'a str,
    /// The subject that wanted to act.
    pub subject: &'a str,
    /// As in [`DecisionContext`].
    pub owner: Option<&'a str>,
    /// As in [`DecisionContext`].
    pub parties: Option<Parties<'a>>,
    /// As in [`DecisionContext`].
    pub attributes: Option<&'a Map<String, Value>>,
    /// The answer at that time.
    pub allowed: bool,
}

/// A replay in progress.
#[derive(Debug)]
pub struct Replay<'m> {
    candidate: &'m Matrix,
    report: ReplayReport,
    places: HashMap<ChangeKey, usize>,
}

impl<'m> Replay<'m> {
    /// Starts a replay against `candidate`.
    pub fn new(candidate: &'m Matrix) -> Self {
        Self { candidate, report: ReplayReport::default(), places: HashMap::new() }
    }

    /// Evaluates one logged question again.
    pub fn push(&mut self, logged: &LoggedDecision<'_>) {
        let LoggedDecision { subject, owner, parties, attributes, .. } = *logged;
        let context = DecisionContext { subject, owner, parties, attributes };
        let decision =
            self.candidate.decide_words(logged.role, logged.resource, logged.action, &context);
        self.report.examined += 1;
        if decision.is_allowed() == logged.allowed {
            return;
        }
        let total = if logged.allowed { &mut self.report.lost } else { &mut self.report.gained };
        *total += 1;
        match self.change(decision, logged) {
            Some(change) => change.count(logged),
            None => self.report.left_out += 1,
        }
    }

    /// Ends the replay and returns the changes.
    pub fn finish(mut self) -> ReplayReport {
        self.report.changes.sort_by(|a, b| {
            let by_words = a.words().cmp(&b.words());
            b.times.cmp(&a.times).then(by_words)
        });
        self.report
    }

    /// Returns the entry of the change; `None` when it would be new and there is no more room.
    fn change(
        &mut self,
        decision: Decision,
        logged: &LoggedDecision<'_>,
    ) -> Option<&mut ReplayedChange> {
        let changes = &mut self.report.changes;
        let alike = ChangeKey::of(decision, logged);
        let place = match self.places.get(&alike) {
            Some(place) => *place,
            None if changes.len() < MAX_CHANGES => {
                self.places.insert(alike, changes.len());
                let rule = self.candidate.explain(&decision).to_string();
                changes.push(ReplayedChange::first(logged, rule));
                changes.len() - 1
            }
            None => return None,
        };
        changes.get_mut(place)
    }
}

/// The common properties of decisions that change in the same way.
///
/// The code of a decision represents its words, as far as the candidate knows them.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ChangeKey {
    code: u64,
    words: Option<[String; 3]>,
}

impl ChangeKey {
    fn of(decision: Decision, logged: &LoggedDecision<'_>) -> Self {
        let words = || [logged.role, logged.resource, logged.action].map(str::to_owned);
        Self { code: decision.code(), words: decision.has_unknown_word().then(words) }
    }
}

/// The result of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// The number of evaluated decisions.
    pub examined: u64,
    /// Denials that would become grants.
    pub gained: u64,
    /// Grants that would become denials.
    pub lost: u64,
    /// The changes, most frequent first; the 10,000 that were found first.
    pub changes: Vec<ReplayedChange>,
    /// Changed decisions without an entry in `changes`, for lack of room.
    pub left_out: u64,
}

/// Decisions that would change in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayedChange {
    /// The role of the question.
    pub role: String,
    /// The resource of the question.
    pub resource: String,
    /// The action of the question.
    pub action: String,
    /// True if they were denied and would be allowed; false for the reverse.
    pub gains: bool,
    /// The reason of the candidate, as [`Explanation`](crate::Explanation) prints it.
    pub rule: String,
    /// The number of decisions.
    pub times: u64,
    /// The time of the earliest decision.
    pub first_at: Timestamp,
    /// The time of the latest decision.
    pub last_at: Timestamp,
    /// The affected subjects: the first 100 that were found.
    pub subjects: BTreeSet<String>,
    /// The number of decisions about subjects that `subjects` does not name.
    pub times_by_others: u64,
}

impl ReplayedChange {
    fn words(&self) -> [&str; 4] {
        [&self.role, &self.resource, &self.action, &self.rule]
    }

    fn first(logged: &LoggedDecision<'_>, rule: String) -> Self {
        Self {
            role: logged.role.to_owned(),
            resource: logged.resource.to_owned(),
            action: logged.action.to_owned(),
            gains: !logged.allowed,
            rule,
            times: 0,
            first_at: logged.at,
            last_at: logged.at,
            subjects: BTreeSet::new(),
            times_by_others: 0,
        }
    }

    fn count(&mut self, logged: &LoggedDecision<'_>) {
        self.times += 1;
        self.first_at = self.first_at.min(logged.at);
        self.last_at = self.last_at.max(logged.at);
        if self.subjects.contains(logged.subject) {
            return;
        }
        if self.subjects.len() < MAX_SUBJECTS {
            self.subjects.insert(logged.subject.to_owned());
        } else {
            self.times_by_others += 1;
        }
    }
}
