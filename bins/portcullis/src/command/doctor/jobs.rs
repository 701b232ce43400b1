//! Checks that the exclusive jobs run, on any node.

use std::time::Duration;

use portcullis_flows::node::job::{JobRecord, JobStore};
use portcullis_storage::Store;

use super::check::Check;
use crate::config::Config;

pub(super) const NAME: &str = "jobs";

/// The age of the last success that is reported. A running server runs each job more often.
const LATE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn check(store: &Store, config: &Config) -> Vec<Check> {
    let mut jobs = match store.jobs() {
        Ok(jobs) => jobs,
        Err(error) => return vec![Check::failed(NAME, error.to_string(), "see above")],
    };
    if config.audit.retention.is_none() {
        // The job may have run under an earlier configuration.
        jobs.retain(|job| job.name != "audit_retention");
    }
    let found: Vec<Check> = jobs.iter().filter_map(problem).collect();
    if !found.is_empty() {
        return found;
    }
    let longest = jobs.iter().max_by_key(|job| job.duration);
    let detail = match longest {
        None => "no job has run yet; the server runs them after its start".to_owned(),
        Some(longest) => {
            let (count, name, time) = (jobs.len(), &longest.name, longest.duration.as_secs_f64());
            format!("{count} are run; {name} took the longest, {time:.1} s")
        }
    };
    vec![Check::ok(NAME, detail)]
}

fn problem(job: &JobRecord) -> Option<Check> {
    let name = &job.name;
    if job.is_failing() {
        let failure = job.failure.as_deref().unwrap_or("for an unknown reason");
        let at = job.failed_at.map_or_else(String::new, |at| format!(" at {at}"));
        let detail = format!("{name} failed{at}: {failure}");
        let remedy = "look for errors of this job in the logs of the servers";
        return Some(Check::warning(NAME, detail, remedy));
    }
    let since = job.read_at.since(job.succeeded_at.unwrap_or(job.started_at));
    if since > LATE.max(3 * job.every) {
        let hours = since.as_secs() / 3600;
        let detail = format!("{name} has had no success for {hours} hours");
        let remedy =
            "if a server is running, look for errors of this job in its log, and restart it";
        return Some(Check::warning(NAME, detail, remedy));
    }
    None
}
