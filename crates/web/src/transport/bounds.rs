//! Bounds of one connection, by time and by bytes.

use std::time::Duration;

/// For the head of a request, from its first byte.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// For the rest of a body that nobody reads any more.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The most that is read of it, in bytes.
pub(super) const MAX_DRAINED: usize = 256 * 1024;

/// In which a client that has answers waiting must take [`MIN_TAKEN`] bytes of them.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes; less than a system holds for a connection before it says that there is room again.
pub(super) const MIN_TAKEN: usize = 16 * 1024;

/// Bytes that the system keeps of answers on their way; it takes twice that for its own books.
pub(super) const SEND_BUFFER: usize = 128 * 1024;

/// Requests of one connection that wait for their answers.
pub(super) const MAX_PIPELINED: u64 = 4;
