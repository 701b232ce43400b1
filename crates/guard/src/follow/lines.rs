use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::timeout;

use super::Fault;

/// An answer that is read line by line as it arrives.
pub(crate) struct Lines {
    response: Response,
    bounds: Bounds,
    buffer: BytesMut,
    /// How much of the buffer holds no line end.
    searched: usize,
    received: u64,
}

/// What a server may send, so that a broken one cannot fill the memory or hold the reader for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of one line.
    pub(crate) line: usize,
    /// Bytes in all.
    pub(crate) whole: u64,
    /// Time without a single byte.
    pub(crate) silence: Duration,
}

impl Lines {
    pub(crate) fn new(response: Response, bounds: Bounds) -> Self {
        Self { response, bounds, buffer: BytesMut::new(), searched: 0, received: 0 }
    }

    /// The next line with its end, which only the last one of all may lack.
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

    /// Whether there was more.
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
