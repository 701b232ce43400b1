//! What is wrong with a configuration, said so that it can be mended.
//!
//! Nothing here stops at the first fault: whoever mends a configuration wants the whole list. No
//! finding quotes a value, because any value may be a secret in the wrong place.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;

/// Something wrong, or worth knowing, about one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The key as the file spells it, such as `server.address`.
    pub key: String,
    /// Where its value came from; `None` when nobody set it.
    pub source: Option<String>,
    /// What is wrong, to be read after the key.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    /// The key, where its value came from, and what is wrong.
    pub(crate) fn statement(&self) -> String {
        let Self { key, source, problem, .. } = self;
        match source {
            Some(source) => format!("{key} ({source}) {problem}"),
            None => format!("{key} {problem}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.statement(), self.remedy)
    }
}

/// Everything found, in the order it was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What keeps the server from starting.
    pub faults: Vec<Finding>,
    /// What does not.
    pub warnings: Vec<Finding>,
    sources: BTreeMap<String, String>,
}

/// The key under which the file itself is found faulty, when it cannot be read as a whole.
pub(crate) const FILE: &str = "config";

impl Findings {
    /// Remembers where the value of a key came from.
    pub(crate) fn came_from(&mut self, key: &str, source: String) {
        self.sources.insert(key.to_owned(), source);
    }

    /// Whether anybody set the key or one below it.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.sources.keys().any(|set| is_within(set, key))
    }

    /// Records a fault.
    pub(crate) fn fault(
        &mut self,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let finding = self.finding(key, problem.into(), remedy.into());
        self.faults.push(finding);
    }

    /// Records a warning.
    pub(crate) fn warn(
        &mut self,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let finding = self.finding(key, problem.into(), remedy.into());
        self.warnings.push(finding);
    }

    /// Records a fault in the words of the type that refused the value. Those that also say what to
    /// do say it after a semicolon.
    pub(crate) fn refuse(&mut self, key: &str, error: impl fmt::Display, remedy: &str) {
        let text = error.to_string();
        match text.split_once("; ") {
            Some((problem, remedy)) => self.fault(key, problem, remedy),
            None => self.fault(key, text, remedy),
        }
    }

    /// The number of `key`, or `default` when it is not set or out of range.
    pub(crate) fn within<T: PartialOrd + fmt::Display>(
        &mut self,
        key: &str,
        value: Option<T>,
        default: T,
        range: RangeInclusive<T>,
    ) -> T {
        match value {
            Some(value) if range.contains(&value) => value,
            Some(_) => {
                let remedy = format!("write a number from {} to {}", range.start(), range.end());
                self.fault(key, "is out of range", remedy);
                default
            }
            None => default,
        }
    }

    /// Whether nothing is wrong with `key`, the keys below it, or the file as a whole.
    pub(crate) fn is_sound(&self, key: &str) -> bool {
        !self.faults.iter().any(|fault| is_within(&fault.key, key) || fault.key == FILE)
    }

    fn finding(&self, key: &str, problem: String, remedy: String) -> Finding {
        let source = self.sources.get(key).cloned();
        Finding { key: key.to_owned(), source, problem, remedy }
    }
}

fn is_within(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
