//! Faults of Redis, and their reasons.

use deadpool::managed::{PoolError, TimeoutType};
use deadpool_redis::redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::time::error::Elapsed;

/// The cause of a failed call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Pool(#[from] PoolError<RedisError>),
    #[error("no answer in time")]
    Silent(#[from] Elapsed),
    #[error("the subscription ended")]
    Ended,
    #[error("an answer of another form")]
    Answer,
}

/// The reason why a call of Redis failed, as metrics count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// No connection: refused, closed, or not the expected server.
    Lost,
    /// No answer within the timeout.
    Timeout,
    /// All connections of the pool in use for longer than the timeout.
    Busy,
    /// Full memory: the server refuses writes.
    OutOfMemory,
    /// A server that refuses writes: a replica, or one that cannot save.
    ReadOnly,
    /// A wrong user or password, or a user without permission for the commands.
    Denied,
    /// Another error or answer.
    Unexpected,
}

impl FailureReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::Lost,
        Self::Timeout,
        Self::Busy,
        Self::OutOfMemory,
        Self::ReadOnly,
        Self::Denied,
        Self::Unexpected,
    ];

    /// The name, as a label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
            Self::OutOfMemory => "out_of_memory",
            Self::ReadOnly => "read_only",
            Self::Denied => "denied",
            Self::Unexpected => "unexpected",
        }
    }
}

impl Fault {
    pub(crate) fn reason(&self) -> FailureReason {
        match self {
            Self::Redis(error) | Self::Pool(PoolError::Backend(error)) => reason(error),
            Self::Pool(PoolError::Timeout(TimeoutType::Wait)) => FailureReason::Busy,
            Self::Pool(PoolError::Timeout(_)) | Self::Silent(_) => FailureReason::Timeout,
            Self::Pool(_) | Self::Ended => FailureReason::Lost,
            Self::Answer => FailureReason::Unexpected,
        }
    }

    /// The connection was closed. This is the usual end of an idle connection and of all connections
    /// of a server that restarts, so the call deserves a new connection.
    pub(crate) fn is_closed_connection(&self) -> bool {
        matches!(self, Self::Redis(error) if error.is_connection_dropped() && !error.is_timeout())
    }

    /// The server does not know the script: it has restarted or was flushed.
    pub(crate) fn is_unknown_script(&self) -> bool {
        let unknown = ErrorKind::Server(ServerErrorKind::NoScript);
        matches!(self, Self::Redis(error) if error.kind() == unknown)
    }
}

fn reason(error: &RedisError) -> FailureReason {
    if error.is_timeout() {
        return FailureReason::Timeout;
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        return FailureReason::Denied;
    }
    match error.code() {
        Some("OOM") => FailureReason::OutOfMemory,
        Some("READONLY" | "MISCONF" | "NOREPLICAS") => FailureReason::ReadOnly,
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => FailureReason::Denied,
        Some("LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN") => FailureReason::Lost,
        Some("BUSY") => FailureReason::Busy,
        Some(_) => FailureReason::Unexpected,
        None if error.kind() == ErrorKind::Parse => FailureReason::Unexpected,
        None if error.kind() == ErrorKind::UnexpectedReturnType => FailureReason::Unexpected,
        None => FailureReason::Lost,
    }
}
