use std::time::Duration;

/// How decisions are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingPolicy {
    /// The longest time whose decisions a crash may take.
    pub window: Duration,
    /// Whether every caller waits until the decision is stored; then a crash takes none.
    pub strict: bool,
    /// The most decisions in the queue, those being written among them.
    pub max_decisions: usize,
    /// The most bytes of memory that the queue takes, those being written among them.
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

/// Decisions in one block, unless one request has more.
pub(super) const BLOCK_DECISIONS: usize = 32_768;

/// A block ends with the request that makes it as large as this, so that no commit takes long. A
/// request holds at most a mebibyte.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// Bytes of text that the writer takes from the queue at once. What a reader must keep of one block
/// is bounded by this too, however often a text repeats.
pub(super) const PORTION_BYTES: usize = 4 << 20;

/// What one caller may have answered before it is stored, in bytes of the queue: whoever asks after
/// an outage waits for no more than this of any one other caller.
pub(super) const UNSTORED_PER_CALLER: usize = 2 << 20;
