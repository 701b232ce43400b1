//! The trail proven by the command line, with what was kept elsewhere.

use std::path::Path;

use portcullis_testkit::ServerProcess;
use serde_json::Value;

/// What `audit verify` says.
pub(crate) struct Proof {
    /// The words for what was done to the trail, each once.
    pub(crate) faults: Vec<String>,
    /// All of it, for reports.
    pub(crate) text: String,
}

impl Proof {
    /// Fails with what is wrong, if anything is.
    pub(crate) fn assert_intact(&self) {
        assert_eq!(self.faults, Vec::<String>::new(), "{}", self.text);
    }
}

/// Verifies the trail, with a checkpoint that was kept elsewhere if there is one.
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
    // 0 for an intact trail, 1 for any other; 2 would be one that cannot be read.
    assert_eq!(output.status.code(), Some(i32::from(!faults.is_empty())), "{text}{errors}");
    Proof { faults, text }
}

/// Makes a checkpoint and puts it into that file.
pub(crate) fn keep_checkpoint(server: &ServerProcess, file: &Path) {
    let file = file.to_str().expect("the path is UTF-8");
    let output = server.run(&["audit", "checkpoint", "--output", file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
