//! Faults of a matrix file; all of them are reported together.

use std::fmt;

/// The maximum number of faults that are stored of one file; the rest is counted.
const MAX_KEPT: usize = 100;

/// All faults of a file, by line.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MatrixFaults {
    kept: Vec<Fault>,
    left_out: usize,
}

impl MatrixFaults {
    /// The faults in the order of their lines: at least one, at most the first 100.
    pub fn faults(&self) -> &[Fault] {
        &self.kept
    }

    /// The number of faults that [`Self::faults`] leaves out.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    pub(crate) fn push(&mut self, fault: Fault) {
        if self.kept.len() < MAX_KEPT {
            self.kept.push(fault);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(crate) fn in_order(mut self) -> Self {
        self.kept.sort_by_key(|fault| fault.line);
        self
    }
}

impl fmt::Display for MatrixFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.kept.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        if self.left_out > 0 {
            write!(f, "\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for MatrixFaults {}

portcullis_domain::debug_as_display!(MatrixFaults);

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind of fault, by a stable code.
    pub code: FaultCode,
    /// Counted from 1.
    pub line: usize,
    /// The fault and its fix, in one sentence.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(code: FaultCode, line: usize, message: impl Into<String>) -> Self {
        Self { code, line, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} ({})", self.line, self.message, self.code.as_str())
    }
}

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultCode {
    /// The file or its expansion exceeds a limit of this crate.
    TooLarge,
    /// Not TOML.
    Syntax,
    /// An unknown key.
    UnknownKey,
    /// A required key is missing.
    MissingKey,
    /// A value of the wrong type.
    WrongType,
    /// Not of the form `[a-z][a-z0-9_]{0,63}`.
    InvalidWord,
    /// The same word twice in one list.
    DuplicateWord,
    /// An empty list.
    EmptyList,
    /// `"*"` together with other words, which it covers already.
    MixedWildcard,
    /// A role that is not defined.
    UnknownRole,
    /// A resource that `resources` does not list.
    UnknownResource,
    /// An action that `actions` does not list.
    UnknownAction,
    /// A condition that is neither built in nor added.
    UnknownCondition,
    /// A role that would inherit from itself (a cycle).
    Cycle,
    /// The same grant twice for one role.
    DuplicateGrant,
    /// A grant that other grants of the same role cover, so that it can never decide.
    UnreachableGrant,
    /// A role without a grant, of its own or inherited.
    RoleWithoutPath,
    /// The file defines no role.
    NoRole,
}

impl FaultCode {
    /// The stable code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Syntax => "syntax",
            Self::UnknownKey => "unknown_key",
            Self::MissingKey => "missing_key",
            Self::WrongType => "wrong_type",
            Self::InvalidWord => "invalid_word",
            Self::DuplicateWord => "duplicate_word",
            Self::EmptyList => "empty_list",
            Self::MixedWildcard => "mixed_wildcard",
            Self::UnknownRole => "unknown_role",
            Self::UnknownResource => "unknown_resource",
            Self::UnknownAction => "unknown_action",
            Self::UnknownCondition => "unknown_condition",
            Self::Cycle => "cycle",
            Self::DuplicateGrant => "duplicate_grant",
            Self::UnreachableGrant => "unreachable_grant",
            Self::RoleWithoutPath => "role_without_path",
            Self::NoRole => "no_role",
        }
    }
}
