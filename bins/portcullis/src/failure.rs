//! Why a command could not do its work, with what to do next.

use std::process::ExitCode;
use std::{fmt, io};

use portcullis_flows::StoreError;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::config::Findings;

/// One failure, for the person at the command line.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that does not exist.
    Usage(String),
    /// The configuration cannot be used; every fault is in it.
    Configuration(Findings),
    /// It was tried and did not work, for each of these reasons.
    Failed {
        /// What did not work.
        problems: Vec<String>,
        /// What to do about it.
        remedy: String,
    },
    /// What was to be judged cannot be read. Not the same as a bad judgement, so that a script can
    /// tell the two apart.
    Unreadable {
        /// What cannot be read.
        problems: Vec<String>,
        /// What to do about it.
        remedy: String,
    },
}

impl Failure {
    /// The command line asks for something that does not exist.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// It did not work, for one reason.
    pub(crate) fn failed(problem: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self::Failed { problems: vec![problem.to_string()], remedy: remedy.into() }
    }

    /// The same failure of a command whose exit code 1 means something else.
    pub(crate) fn into_unreadable(self) -> Self {
        match self {
            Self::Failed { problems, remedy } => Self::Unreadable { problems, remedy },
            other => other,
        }
    }

    /// 1 when the work failed, 2 when it could not be begun.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed { .. } => ExitCode::FAILURE,
            Self::Usage(_) | Self::Configuration(_) | Self::Unreadable { .. } => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => write!(f, "error: {text}"),
            Self::Configuration(findings) => {
                writeln!(f, "error: the configuration cannot be used")?;
                findings.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
            }
            Self::Failed { problems, remedy } | Self::Unreadable { problems, remedy } => {
                writeln!(f, "error: {}", problems.join("\n       "))?;
                write!(f, "{remedy}")
            }
        }
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let error = match self {
            Self::Usage(text) => json!({ "kind": "usage", "problems": [text.trim_end()] }),
            Self::Configuration(findings) => {
                json!({ "kind": "configuration", "faults": findings.faults })
            }
            Self::Failed { problems, remedy } => {
                json!({ "kind": "failed", "problems": problems, "remedy": remedy })
            }
            Self::Unreadable { problems, remedy } => {
                json!({ "kind": "unreadable", "problems": problems, "remedy": remedy })
            }
        };
        json!({ "error": error }).serialize(serializer)
    }
}

/// The operating system gives no thread.
pub(crate) fn no_thread(error: io::Error) -> Failure {
    Failure::failed(error, "give the server more threads")
}

impl From<Findings> for Failure {
    fn from(findings: Findings) -> Self {
        Self::Configuration(findings)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::failed(error, "`portcullis doctor` looks for the cause")
    }
}
