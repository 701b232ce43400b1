//! Verification of the audit log by the command line, with an exported checkpoint.

use std::path::Path;

use portcullis_testkit::ServerProcess;
use serde_json::Value;

/// The result of `audit verify`.
pub(crate) struct Proof {
    /// The kinds of faults, each once.
    pub(crate) faults: Vec<String>,
    /// The whole output, for messages.
    pub(crate) text: String,
}

impl Proof {
    /// Panics with the faults, if there are any.
    pub(crate) fn assert_intact(&self) {
        assert_eq!(self.faults, Vec::<String>::new(), "{}", self.text);
    }
}

/// Verifies the audit log, with an exported checkpoint if there is one.
pub(crate) fn verify(server: &ServerProcess, kept: Option<&Path>) -> Proof {
    let mut arguments = vec!["--json", "audit", "verify"];
    if let Some(kept) = kept {
        arguments.extend(["--checkpoint", kept.to_str().expect("the path is UTF-8")]);
    }
    let output = server.run(&arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{errors}"));
    let faults = report["faults"].as_array().expect("a report lists its faults").iter();
    let mut faults: Vec<String> =
        faults.map(|fault| fault["fault"].as_str().expect("a fault has a word").into()).collect();
    faults.sort();
    faults.dedup();
    // 0 for an intact audit log, 1 for one with faults, 2 for an unreadable one.
    assert_eq!(output.status.code(), Some(i32::from(!faults.is_empty())), "{text}{errors}");
    Proof { faults, text }
}

/// Writes a checkpoint to that file.
pub(crate) fn keep_checkpoint(server: &ServerProcess, file: &Path) {
    let file = file.to_str().expect("the path is UTF-8");
    let output = server.run(&["audit", "checkpoint", "--output", file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
