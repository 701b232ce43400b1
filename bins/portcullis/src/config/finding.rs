//! The faults and warnings of a configuration, each with a remedy.
//!
//! The checks never stop at the first fault, so that the operator gets the whole list. No finding quotes
//! a value, because any value may be a misplaced secret; the path of a file that cannot be used is the
//! exception.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Serialize;

/// A fault or a warning about one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The key as the file spells it, such as `server.address`.
    pub key: String,
    /// The source of the value; `None` if the key is not set.
    pub source: Option<String>,
    /// The problem, as the end of a sentence whose subject is the key.
    pub problem: String,
    /// The fix, as an instruction.
    pub remedy: String,
}

impl Finding {
    /// The key, the source of its value, and the problem.
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

/// All faults and warnings, in the order of the checks.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The faults, which prevent the start.
    pub faults: Vec<Finding>,
    /// The warnings, which do not.
    pub warnings: Vec<Finding>,
    sources: BTreeMap<String, Source>,
}

/// The source of a value.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// This file as a whole.
    Path(String),
    /// A key of this file.
    File(String),
    /// This variable.
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::File(path) => write!(f, "in {path}"),
            Self::Variable(name) => write!(f, "from {name}"),
        }
    }
}

/// The key of faults of the file itself, when it cannot be read as a whole.
pub(crate) const FILE: &str = "config";

impl Findings {
    /// Stores the source of the value of a key.
    pub(crate) fn came_from(&mut self, key: &str, source: Source) {
        self.sources.insert(key.to_owned(), source);
    }

    /// True if the key, or a key below it, is set.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.sources.keys().any(|set| is_within(set, key))
    }

    /// Whether a variable sets the key or a key below it; `None` if nothing does.
    pub(crate) fn is_from_environment(&self, key: &str) -> Option<bool> {
        let set = self.sources.iter().filter(|(set, _)| is_within(set, key));
        set.map(|(_, source)| matches!(source, Source::Variable(_)))
            .reduce(|one, other| one || other)
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

    /// Records a fault with the error text of the type that refused the value. A text with a remedy has
    /// it after a semicolon.
    pub(crate) fn refuse(&mut self, key: &str, error: impl fmt::Display, remedy: &str) {
        let text = error.to_string();
        match text.split_once("; ") {
            Some((problem, remedy)) => self.fault(key, problem, remedy),
            None => self.fault(key, text, remedy),
        }
    }

    /// Records that the file at the path, which is the value of the key, cannot be used.
    pub(crate) fn unusable_file(
        &mut self,
        key: &str,
        path: &Path,
        fault: impl fmt::Display,
        remedy: &str,
    ) {
        let problem = format!("names {}, which cannot be used: {fault}", path.display());
        self.fault(key, problem, remedy);
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

    /// True if `key`, the keys below it, and the file as a whole have no fault.
    pub(crate) fn is_sound(&self, key: &str) -> bool {
        !self.faults.iter().any(|fault| is_within(&fault.key, key) || fault.key == FILE)
    }

    fn finding(&self, key: &str, problem: String, remedy: String) -> Finding {
        let source = self.sources.get(key).map(Source::to_string);
        Finding { key: key.to_owned(), source, problem, remedy }
    }
}

fn is_within(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
