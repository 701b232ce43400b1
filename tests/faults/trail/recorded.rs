//! The entries of the audit log, as an auditor exports them.

use std::collections::BTreeMap;

use portcullis_testkit::ServerProcess;
use serde_json::Value;

/// The entries that the rules need.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    /// Decisions by id.
    pub(crate) decisions: BTreeMap<String, Vec<Decision>>,
    /// Events by the user agent of the request.
    pub(crate) events: BTreeMap<String, Vec<Event>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) resource: String,
    pub(crate) allowed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) outcome: String,
}

impl Recorded {
    /// Exports all entries, from a running or a stopped server.
    pub(crate) fn read(server: &ServerProcess) -> Self {
        let output = server.run(&["audit", "export", "--format", "jsonl"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut recorded = Self::default();
        for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            recorded.take(&serde_json::from_slice(line).expect("every line is a JSON object"));
        }
        recorded
    }

    fn take(&mut self, entry: &Value) {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        if entry["kind"] == "permission_check" {
            let decision =
                Decision { resource: text("resource"), allowed: entry["outcome"] == "allowed" };
            self.decisions.entry(text("id")).or_default().push(decision);
        } else {
            let event = Event { kind: text("kind"), outcome: text("outcome") };
            self.events.entry(text("user_agent")).or_default().push(event);
        }
    }
}
