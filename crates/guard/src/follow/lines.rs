//! Reading of a response line by line, with limits of size and silence.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::timeout;

use super::Fault;

/// A response that is read line by line as it arrives.
pub(crate) struct Lines {
    response: Response,
    bounds: Bounds,
    buffer: BytesMut,
    /// The length of the buffer's start that is known to contain no line end.
    searched: usize,
    received: u64,
}

/// The limits of a response, so that a broken server can neither exhaust the memory nor block the
/// reader permanently.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The maximum length of one line in bytes.
    pub(crate) line: usize,
    /// The maximum length of the response in bytes.
    pub(crate) whole: u64,
    /// The maximum time without a byte.
    pub(crate) silence: Duration,
}

impl Lines {
    pub(crate) fn new(response: Response, bounds: Bounds) -> Self {
        Self { response, bounds, buffer: BytesMut::new(), searched: 0, received: 0 }
    }

    /// Returns the next line with its line end. Only the last line may lack one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let unseen = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(end) = unseen.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1);
                self.searched = 0;
                return Ok(Some(line.freeze()));
            }
            self.searched = self.buffer.len();
            if self.searched > self.bounds.line {
                return Err(Fault::TooLarge);
            }
            if !self.receive().await? {
                self.searched = 0;
                let rest = self.buffer.split();
                return Ok((!rest.is_empty()).then(|| rest.freeze()));
            }
        }
    }

    /// Reads more bytes; returns whether there were any.
    async fn receive(&mut self) -> Result<bool, Fault> {
        let chunk = timeout(self.bounds.silence, self.response.chunk()).await;
        let Some(chunk) = chunk.map_err(|_| Fault::Silent)?? else {
            return Ok(false);
        };
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(length);
        if self.received > self.bounds.whole {
            return Err(Fault::TooLarge);
        }
        self.buffer.extend_from_slice(&chunk);
        Ok(true)
    }
}
