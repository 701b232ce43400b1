//! The failure of a command, with a remedy.

use std::process::ExitCode;
use std::{fmt, io};

use portcullis_flows::StoreError;
use portcullis_flows::node::ban::BanError;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::config::Findings;

/// The failure of a command, for the operator.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that does not exist.
    Usage(String),
    /// The configuration has these faults.
    Configuration(Findings),
    /// The work failed, for each of these reasons.
    Failed {
        /// The problems.
        problems: Vec<String>,
        /// The fix, as an instruction.
        remedy: String,
    },
    /// The input of a check cannot be read. Scripts can distinguish this from a failed check.
    Unreadable {
        /// The problems.
        problems: Vec<String>,
        /// The fix, as an instruction.
        remedy: String,
    },
}

impl Failure {
    /// A failure of wrong usage.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// A failure with one problem.
    pub(crate) fn failed(problem: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self::Failed { problems: vec![problem.to_string()], remedy: remedy.into() }
    }

    /// The same failure as unreadable input, for commands whose exit code 1 is the result of a check.
    pub(crate) fn into_unreadable(self) -> Self {
        match self {
            Self::Failed { problems, remedy } => Self::Unreadable { problems, remedy },
            other => other,
        }
    }

    /// 1 when the work failed, 2 when it could not begin.
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

/// The failure to start a thread.
pub(crate) fn no_thread(error: io::Error) -> Failure {
    Failure::failed(error, "raise the thread limit of the server")
}

impl From<Findings> for Failure {
    fn from(findings: Findings) -> Self {
        Self::Configuration(findings)
    }
}

impl From<BanError> for Failure {
    fn from(error: BanError) -> Self {
        let remedy = match error {
            BanError::Store(error) => return error.into(),
            BanError::Exempt(_) => {
                "see server.trusted_proxies and rate_limit.exempt_networks; this machine is exempt too"
            }
            BanError::NotBanned(_) => "`portcullis ban list` lists the bans in force",
            _ => "choose another address, or a shorter duration or reason",
        };
        Self::failed(error, remedy)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::failed(error, "run `portcullis doctor` to find the cause")
    }
}
