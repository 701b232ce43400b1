//! Failed handshakes, counted by reason.

use std::sync::atomic::{AtomicU64, Ordering};

/// The reason of a failed handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeFailure {
    /// The handshake did not end within its time.
    Timeout,
    /// The client closed the connection before the end.
    Closed,
    /// The connection was the oldest of too many that had not ended their handshakes.
    Overload,
    /// The client speaks HTTP without TLS.
    PlainHttp,
    /// Client and server have no common version, suite or application protocol.
    Incompatible,
    /// The client refused, for example because it does not trust the certificate.
    RefusedByClient,
    /// The input is no handshake.
    Invalid,
}

impl HandshakeFailure {
    /// In the order of the counters.
    const ALL: [Self; 7] = [
        Self::Timeout,
        Self::Closed,
        Self::Overload,
        Self::PlainHttp,
        Self::Incompatible,
        Self::RefusedByClient,
        Self::Invalid,
    ];

    /// The label of the metric.
    const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Overload => "overload",
            Self::PlainHttp => "plain_http",
            Self::Incompatible => "incompatible",
            Self::RefusedByClient => "refused_by_client",
            Self::Invalid => "invalid",
        }
    }
}

/// The counters of one node.
#[derive(Debug, Default)]
pub(super) struct HandshakeFailures([AtomicU64; HandshakeFailure::ALL.len()]);

impl HandshakeFailures {
    pub(super) fn count(&self, reason: HandshakeFailure) {
        let mut counters = HandshakeFailure::ALL.into_iter().zip(&self.0);
        if let Some((_, counter)) = counters.find(|(known, _)| *known == reason) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counters = HandshakeFailure::ALL.into_iter().zip(&self.0);
        counters.map(|(reason, counter)| (reason.name(), counter.load(Ordering::Relaxed)))
    }
}
