//! The section `audit`: recording, checkpoints and retention of the audit log.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_flows::audit::recording::RecordingPolicy;

use super::finding::Findings;
use super::raw;

/// The checked section.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The recording of decisions.
    pub recording: RecordingPolicy,
    /// The time between two checkpoints.
    pub checkpoint_every: Duration,
    /// The directory for a file of each new checkpoint.
    pub checkpoint_directory: Option<PathBuf>,
    /// The retention of entries; `None` keeps all entries.
    pub retention: Option<Duration>,
}

/// The seconds of a day.
const DAY: u64 = 24 * 60 * 60;

impl Audit {
    pub(crate) fn check(raw: raw::Audit, findings: &mut Findings) -> Self {
        let default = RecordingPolicy::default();
        let window = findings.within("audit.window_ms", raw.window_ms, 200, 20..=10_000);
        let max_decisions =
            findings.within("audit.queue", raw.queue, default.max_decisions, 1000..=10_000_000);
        let queue_mib = findings.within("audit.queue_mib", raw.queue_mib, 64, 8..=4096);
        let every = findings.within(
            "audit.checkpoint_every_seconds",
            raw.checkpoint_every_seconds,
            60,
            1..=DAY,
        );
        let retention = raw
            .retention_days
            .map(|days| findings.within("audit.retention_days", Some(days), 1, 1..=36_500))
            .map(|days| Duration::from_secs(days * DAY));
        if raw.checkpoint_directory.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            findings.fault("audit.checkpoint_directory", "is empty", "name a directory");
        }
        Self {
            recording: RecordingPolicy {
                window: Duration::from_millis(window),
                strict: raw.strict.unwrap_or(default.strict),
                max_decisions,
                max_bytes: queue_mib << 20,
            },
            checkpoint_every: Duration::from_secs(every),
            checkpoint_directory: raw.checkpoint_directory,
            retention,
        }
    }
}
