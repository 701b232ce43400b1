//! Bounds of one connection, by time and by bytes.

use std::time::Duration;

/// The timeout of a TLS handshake.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of the head of a request, from its first byte.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of the rest of a body that is discarded.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum that is read of it, in bytes: twice the largest body of a route, so that a client whose body
/// is a little too large has sent all of it and reads why it was refused.
pub(super) const MAX_DRAINED: usize = 2 * 1024 * 1024;

/// The time in which a client with waiting responses must take [`MIN_TAKEN`] bytes of them.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// In bytes; less than a system buffers for a connection before it reports free space again.
pub(super) const MIN_TAKEN: usize = 16 * 1024;

/// Bytes of responses that the system buffers; it takes twice that with its own overhead.
pub(super) const SEND_BUFFER: usize = 128 * 1024;
