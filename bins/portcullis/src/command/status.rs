//! `status`: shows the state of the running server, as its operations listener reports it.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;
use crate::running_server::{self, Listener};

pub(crate) const AFTER_HELP: &str = "\
Examples:
  portcullis status
  portcullis status --json

The members are those of GET /health at server.operations_address; docs/operations.md describes them.

Exit codes: 0 the server is ready, 1 it is not ready or does not answer, 2 wrong usage or configuration.";

pub(crate) fn run(loaded: &LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let answer = running_server::get(loaded, Listener::Operations, "/health")?;
    let members = match serde_json::from_str(&answer.body) {
        Ok(Value::Object(members)) if answer.status == 200 => members,
        _ => {
            let problem = format!("the answer has the status {} and no report", answer.status);
            return Err(Failure::failed(problem, "check server.operations_address"));
        }
    };
    let is_ready = members.get("status").is_some_and(|status| status == "ready");
    output.answer(&Report(members))?;
    Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report of the server.
#[derive(Serialize)]
#[serde(transparent)]
struct Report(Map<String, Value>);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, member) in self.0.iter().filter(|(name, _)| *name != "jobs") {
            writeln!(f, "{name:<16} {}", text(member))?;
        }
        let jobs = self.0.get("jobs").and_then(Value::as_array);
        for job in jobs.into_iter().flatten() {
            writeln!(f, "job              {}", text(job))?;
        }
        Ok(())
    }
}

/// A value on one line; `ok` is said in words.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let part = |(name, value): (&String, &Value)| match (name.as_str(), value) {
                ("ok", Value::Bool(ok)) => if *ok { "ok" } else { "NOT OK" }.to_owned(),
                ("name", name) => text(name),
                (name, value) => format!("{name} {}", text(value)),
            };
            // The verdict or the name comes first.
            let is_first = |(name, _): &(&String, &Value)| matches!(name.as_str(), "ok" | "name");
            let (first, rest): (Vec<_>, Vec<_>) = members.iter().partition(is_first);
            first.into_iter().chain(rest).map(part).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_member_has_a_line_that_begins_with_its_verdict() {
        let report = json!({
            "status": "not_ready",
            "recording": { "waiting": 3, "ok": false },
            "jobs": [{ "runs": 2, "name": "sessions", "failures": 0 }],
        });
        let Value::Object(members) = report else { panic!("an object") };
        let text = Report(members).to_string();
        assert!(text.contains("status           not_ready\n"), "{text}");
        assert!(text.contains("recording        NOT OK, waiting 3\n"), "{text}");
        assert!(text.contains("job              sessions, "), "{text}");
    }
}
