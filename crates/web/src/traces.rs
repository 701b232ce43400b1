//! Traces of requests: what an exporter gets of each one.

use std::fmt::Debug;
use std::time::Duration;

use portcullis_domain::Timestamp;

/// The receiver of traces, such as an exporter. None of its methods may block.
pub trait TraceSink: Debug + Send + Sync {
    /// True if the request with this span is recorded. The span is random: a client that could choose the bytes
    /// would choose what is recorded. `caller` says if the caller records the trace; `None` if the caller is not
    /// trusted or has not named the trace.
    fn samples(&self, span: [u8; 8], caller: Option<bool>) -> bool;

    /// Takes an answered request.
    fn record(&self, span: RequestSpan);

    /// Sends the spans that wait, at the end of the server. This may block for as long as the timeout.
    ///
    /// # Errors
    ///
    /// The text for the log, if spans are lost.
    fn close(&self, timeout: Duration) -> Result<(), String>;
}

/// An answered request as a part of a trace. It has no part of the request but ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSpan {
    /// The id of the trace.
    pub trace: [u8; 16],
    /// The id of the work of the caller; `None` if the trace begins here.
    pub parent: Option<[u8; 8]>,
    /// The id of this work.
    pub span: [u8; 8],
    /// Method and pattern of the route; `None` if the request has none.
    pub route: Option<(&'static str, &'static str)>,
    /// The status of the answer.
    pub status: u16,
    /// The id of the request in the log and in the audit log.
    pub request_id: String,
    /// The time of the answer.
    pub ended_at: Timestamp,
    /// The time from the head of the request to that of the answer.
    pub duration: Duration,
}
