//! What a candidate matrix would have answered to questions that were really asked.
//!
//! Memory does not grow with the log: changes are counted by what they change, and only so many
//! subjects are named.

use std::collections::{BTreeSet, HashMap};

use portcullis_domain::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::condition::{Asked, Parties};
use crate::decision::Decision;
use crate::matrix::Matrix;

/// Changes that a report tells apart.
const MAX_CHANGES: usize = 10_000;

/// Subjects that one change names.
const MAX_SUBJECTS: usize = 100;

/// A question and its answer, as the decision log holds them.
#[derive(Clone, Copy, Debug)]
pub struct LoggedDecision<'a> {
    /// When it was decided.
    pub at: Timestamp,
    /// The role the subject had then.
    pub role: &'a str,
    /// What was asked about.
    pub resource: &'a str,
    /// What was to be done.
    pub action: &'a str,
    /// Who wanted to act.
    pub subject: &'a str,
    /// As in [`Asked`].
    pub owner: Option<&'a str>,
    /// As in [`Asked`].
    pub parties: Option<Parties<'a>>,
    /// As in [`Asked`].
    pub attributes: Option<&'a Map<String, Value>>,
    /// What the answer was.
    pub allowed: bool,
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay<'m> {
    candidate: &'m Matrix,
    report: ReplayReport,
    places: HashMap<Alike, usize>,
}

impl<'m> Replay<'m> {
    /// Begins to ask `candidate`.
    pub fn new(candidate: &'m Matrix) -> Self {
        Self { candidate, report: ReplayReport::default(), places: HashMap::new() }
    }

    /// Asks one logged question again.
    pub fn push(&mut self, logged: &LoggedDecision<'_>) {
        let LoggedDecision { subject, owner, parties, attributes, .. } = *logged;
        let asked = Asked { subject, owner, parties, attributes };
        let decision =
            self.candidate.decide_words(logged.role, logged.resource, logged.action, &asked);
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

    /// What would have been different.
    pub fn finish(mut self) -> ReplayReport {
        self.report.changes.sort_by(|a, b| {
            let by_words = a.words().cmp(&b.words());
            b.times.cmp(&a.times).then(by_words)
        });
        self.report
    }

    /// The entry it belongs to; `None` when it would be a new one and there is no more room.
    fn change(
        &mut self,
        decision: Decision,
        logged: &LoggedDecision<'_>,
    ) -> Option<&mut ReplayedChange> {
        let changes = &mut self.report.changes;
        let alike = Alike::of(decision, logged);
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

/// What decisions have in common that would change alike.
///
/// The code of a decision stands for its words as far as the candidate knows them.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Alike {
    code: u64,
    words: Option<[String; 3]>,
}

impl Alike {
    fn of(decision: Decision, logged: &LoggedDecision<'_>) -> Self {
        let words = || [logged.role, logged.resource, logged.action].map(str::to_owned);
        Self { code: decision.code(), words: decision.has_unknown_word().then(words) }
    }
}

/// What would have been different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// Decisions asked again.
    pub examined: u64,
    /// Of these, denials that would be grants.
    pub gained: u64,
    /// Of these, grants that would be denials.
    pub lost: u64,
    /// What changes, most frequent first; the 10,000 met first.
    pub changes: Vec<ReplayedChange>,
    /// Changed decisions that belong to no entry of `changes`, for lack of room.
    pub left_out: u64,
}

/// Decisions that would change alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayedChange {
    /// The role that was asked about.
    pub role: String,
    /// The resource that was asked about.
    pub resource: String,
    /// The action that was asked about.
    pub action: String,
    /// Whether they were denied and would be allowed; otherwise the reverse.
    pub gains: bool,
    /// The candidate's reason, as [`Explanation`](crate::Explanation) prints it.
    pub rule: String,
    /// How many decisions.
    pub times: u64,
    /// The earliest of them.
    pub first_at: Timestamp,
    /// The latest of them.
    pub last_at: Timestamp,
    /// Whom it concerns: the first 100 that were met.
    pub subjects: BTreeSet<String>,
    /// How many of the decisions concern subjects that `subjects` does not name.
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
