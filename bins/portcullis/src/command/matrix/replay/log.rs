//! Reads decisions from an export of `audit export --format jsonl`.
//!
//! The file is read line by line, so memory does not grow with it. Lines of other kinds are skipped. A
//! line that cannot be read ends the replay, because a result from half of the decisions would be wrong.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use portcullis_access::replay::{LoggedDecision, Replay, ReplayReport};
use portcullis_access::{Matrix, Parties};
use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::Timestamp;
use portcullis_flows::access::decision::is_of_matrix;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::output::Output;
use crate::{moment, progress};

/// Replays the decisions of the file in a time range against `candidate`.
pub(super) fn replay(
    path: &Path,
    candidate: &Matrix,
    period: (Option<Timestamp>, Option<Timestamp>),
    output: Output,
) -> Result<ReplayReport, Failure> {
    let unreadable = |problem: String| {
        let problem = format!("{}: {problem}", path.display());
        Failure::failed(problem, "name a file of `portcullis audit export --format jsonl`")
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = progress::of_bytes(size, output);
    let mut reader = BufReader::with_capacity(1024 * 1024, bar.wrap_read(file));
    let mut replay = Replay::new(candidate);
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let length = reader.read_line(&mut line);
        if length.map_err(|error| unreadable(error.to_string()))? == 0 {
            break;
        }
        let entry: Entry<'_> = serde_json::from_str(&line)
            .map_err(|error| unreadable(format!("line {number}: {error}")))?;
        if entry.kind == EventKind::PermissionCheck.as_str() {
            let taken = entry.ask(&mut replay, period);
            taken.ok_or_else(|| unreadable(format!("line {number} is an incomplete decision")))?;
        }
    }
    bar.finish_and_clear();
    Ok(replay.finish())
}

/// The members of a line that a replay needs. Other members are ignored.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    subject: Option<String>,
    role: Option<String>,
    resource: Option<String>,
    action: Option<String>,
    owner: Option<String>,
    parties: Option<Vec<String>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    /// A text when the stored value is not an object.
    attributes: Option<Value>,
}

impl Entry<'_> {
    /// Replays the decision if its time is in range; `None` when a member is missing.
    fn ask(
        &self,
        replay: &mut Replay<'_>,
        (from, until): (Option<Timestamp>, Option<Timestamp>),
    ) -> Option<()> {
        let at = moment::parse(&self.at).ok()?;
        if from.is_some_and(|from| at < from) || until.is_some_and(|until| at >= until) {
            return Some(());
        }
        if !self.reason.as_deref().is_none_or(is_of_matrix) {
            return Some(());
        }
        let attributes: Option<&Map<String, Value>> =
            self.attributes.as_ref().and_then(Value::as_object);
        replay.push(&LoggedDecision {
            at,
            role: self.role.as_deref()?,
            resource: self.resource.as_deref()?,
            action: self.action.as_deref()?,
            subject: self.subject.as_deref()?,
            owner: self.owner.as_deref(),
            parties: self.parties.as_ref().map(Parties::from),
            attributes,
            allowed: self.outcome == Outcome::Allowed.as_str(),
        });
        Some(())
    }
}
