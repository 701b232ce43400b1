//! Settings and bounds of recording: loss window, strict mode, queue and block sizes.

use std::time::Duration;

/// Settings of recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingPolicy {
    /// The maximum time whose decisions a crash may lose.
    pub window: Duration,
    /// True if every caller waits until the decision is stored; a crash then loses none.
    pub strict: bool,
    /// The maximum of decisions in the queue, including those being written.
    pub max_decisions: usize,
    /// The maximum of memory of the queue in bytes, including the decisions being written.
    pub max_bytes: usize,
}

impl Default for RecordingPolicy {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(200),
            strict: false,
            max_decisions: 200_000,
            max_bytes: 64 << 20,
        }
    }
}

/// The maximum of decisions in one block, unless one request has more.
pub(super) const BLOCK_DECISIONS: usize = 32_768;

/// A block ends with the request that makes it this large, so that no commit takes long. A request
/// holds at most one mebibyte.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// Bytes of text that the writer takes from the queue at once. This also bounds what a reader must
/// keep of one block, however often a text repeats.
pub(super) const PORTION_BYTES: usize = 4 << 20;

/// Bytes of the queue that one caller may have answered before they are stored: after an outage, a
/// request waits for no more than this of any other caller.
pub(super) const UNSTORED_PER_CALLER: usize = 2 << 20;
