//! HTTP/1.1 framing of a connection: in a head, in a body, or between two requests.
//!
//! It follows the framing (RFC 9112 section 6) of the received bytes, one request at a time, and is
//! strict: a head or a chunk whose length another implementation could read in another way is
//! refused (`head.rs`, `chunked.rs`). The HTTP server interprets the requests.

use super::chunked::Chunked;
use super::head::{self, BodyFraming, HeadError, MAX_HEAD};

/// The framing of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    heads: u64,
}

#[derive(Debug)]
enum State {
    Head(PartialHead),
    Length(u64),
    Chunked(Chunked),
    /// Unknown, because a chunk was invalid; the connection is about to end.
    Lost,
}

/// The received part of an incomplete head. Empty lines before it are not kept.
#[derive(Debug, Default)]
struct PartialHead {
    bytes: Vec<u8>,
    size: usize,
}

impl Default for State {
    fn default() -> Self {
        Self::Head(PartialHead::default())
    }
}

impl From<BodyFraming> for State {
    fn from(body: BodyFraming) -> Self {
        match body {
            BodyFraming::None => Self::default(),
            BodyFraming::Length(length) => Self::Length(length),
            BodyFraming::Chunked => Self::Chunked(Chunked::START),
        }
    }
}

impl Framing {
    /// The number of complete heads so far.
    pub(super) const fn heads(&self) -> u64 {
        self.heads
    }

    /// True inside an incomplete head.
    pub(super) const fn is_in_head(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.size > 0)
    }

    /// True between two requests.
    pub(super) const fn is_idle(&self) -> bool {
        !self.is_in_head() && !self.is_in_body() && !self.is_lost()
    }

    /// True inside an incomplete body.
    pub(super) const fn is_in_body(&self) -> bool {
        matches!(self.state, State::Length(_) | State::Chunked(_))
    }

    /// True if the connection must end, because a chunk was invalid.
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    /// Follows the received bytes up to the end of a request, and returns their number. It is
    /// smaller than that of all bytes if another request follows, or before an invalid chunk.
    ///
    /// # Errors
    ///
    /// If the head that begins or continues with these bytes is refused.
    pub(super) fn feed(&mut self, all: &[u8]) -> Result<usize, HeadError> {
        let mut bytes = all;
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Head(head) => {
                    let (taken, body) = head.feed(bytes)?;
                    if let Some(body) = body {
                        self.heads += 1;
                        self.state = body.into();
                    }
                    taken
                }
                State::Length(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
                    if *left == 0 {
                        self.state = State::default();
                    }
                    taken
                }
                State::Chunked(place) => {
                    let (taken, is_valid) = place.feed(bytes);
                    if !is_valid {
                        self.state = State::Lost;
                    } else if *place == Chunked::Done {
                        self.state = State::default();
                    }
                    taken
                }
                State::Lost => 0,
            };
            bytes = bytes.get(taken..).unwrap_or_default();
            if self.is_idle() || self.is_lost() {
                break;
            }
        }
        Ok(all.len() - bytes.len())
    }
}

impl PartialHead {
    /// Returns the number of bytes taken, and the framing of the body if the head is complete.
    fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<BodyFraming>), HeadError> {
        let mut blank = 0;
        if self.bytes == b"\r" && bytes.starts_with(b"\n") {
            self.bytes.clear();
            blank = 1;
        }
        if self.bytes.is_empty() {
            while bytes.get(blank..).is_some_and(|rest| rest.starts_with(b"\r\n")) {
                blank += 2;
            }
        }
        self.size = self.size.saturating_add(blank);
        let room = MAX_HEAD.saturating_sub(self.size).saturating_add(1);
        let text = bytes.get(blank..).unwrap_or_default();
        let text = text.get(..room.min(text.len())).unwrap_or_default();
        self.size = self.size.saturating_add(text.len());
        if self.bytes.is_empty() {
            // Most heads arrive in one piece.
            if let Some((length, body)) = head::complete(text)? {
                return Ok((blank + length, Some(body)));
            }
            self.bytes.extend_from_slice(text);
        } else {
            let before = self.bytes.len();
            self.bytes.extend_from_slice(text);
            // Each line is parsed only once more: a client that sends single bytes costs little.
            if text.contains(&b'\n')
                && let Some((length, body)) = head::complete(&self.bytes)?
            {
                return Ok((blank + length.saturating_sub(before), Some(body)));
            }
        }
        if self.size > MAX_HEAD { Err(HeadError::TooLarge) } else { Ok((blank + text.len(), None)) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::MAX_FIELDS;
    use super::*;

    const GET: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    const CHUNKS: &str = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
        5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nlast: one\r\n\r\n";
    const LENGTH: &str = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody";

    /// In pieces of each length: heads, and where it ended.
    fn follow(text: &[u8], piece: usize) -> (u64, bool, bool) {
        let mut framing = Framing::default();
        for mut bytes in text.chunks(piece) {
            while !bytes.is_empty() {
                let taken = framing.feed(bytes).unwrap();
                assert_ne!(taken, 0, "{:?}", text.escape_ascii());
                bytes = &bytes[taken..];
            }
        }
        (framing.heads(), framing.is_in_head(), framing.is_in_body())
    }

    #[test]
    fn requests_are_told_apart_however_they_are_cut() {
        let text = [GET, LENGTH, CHUNKS, "\r\n", GET, CHUNKS, LENGTH].concat();
        for piece in 1..=text.len() {
            assert_eq!(follow(text.as_bytes(), piece), (6, false, false), "{piece}");
        }
    }

    #[test]
    fn one_request_is_followed_at_a_time() {
        let requests = [GET, LENGTH, CHUNKS, GET];
        let text = requests.concat();
        let (mut framing, mut rest) = (Framing::default(), text.as_bytes());
        for request in requests {
            assert_eq!(framing.feed(rest), Ok(request.len()));
            assert!(framing.is_idle());
            rest = &rest[request.len()..];
        }
    }

    #[test]
    fn it_is_known_whether_a_head_or_a_body_is_missing_something() {
        for (text, expected) in [
            ("", (0, false, false)),
            ("G", (0, true, false)),
            ("\r", (0, true, false)),
            ("\r\n", (0, true, false)),
            (&GET[..GET.len() - 1], (0, true, false)),
            (&[GET, "G"].concat(), (1, true, false)),
            (&LENGTH[..LENGTH.len() - 1], (1, false, true)),
            (&CHUNKS[..CHUNKS.len() - 1], (1, false, true)),
            (&CHUNKS[..CHUNKS.len() - 20], (1, false, true)),
        ] {
            for piece in 1..=text.len().max(1) {
                assert_eq!(follow(text.as_bytes(), piece), expected, "{text:?} by {piece}");
            }
        }
    }

    /// Why the head is refused that is sent in pieces of this length.
    fn refusal(text: &str, piece: usize) -> Option<HeadError> {
        let mut framing = Framing::default();
        text.as_bytes().chunks(piece).find_map(|bytes| framing.feed(bytes).err())
    }

    #[test]
    fn a_head_has_a_limit_in_bytes_and_in_fields() {
        let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(MAX_HEAD));
        let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(MAX_FIELDS + 1));
        let blank = "\r\n".repeat(MAX_HEAD);
        for text in [endless, fields, blank] {
            for piece in [1, 7, 1000, text.len()] {
                assert_eq!(refusal(&text, piece), Some(HeadError::TooLarge));
            }
        }
        let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD - 40));
        assert_eq!(follow(long.as_bytes(), long.len()), (1, false, false));
    }

    #[test]
    fn a_malformed_head_is_refused_however_it_is_cut() {
        for text in [
            "\0\0\r\n\r\n",
            "\nGET / HTTP/1.1\r\nhost: x\r\n\r\n",
            "\rGET / HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET / HTTP/1.1\nhost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\n\n",
            "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\nupgrade: WebSocket\r\n\r\n",
        ] {
            for piece in 1..=text.len() {
                assert_eq!(refusal(text, piece), Some(HeadError::Malformed), "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn nothing_is_followed_after_an_invalid_chunk() {
        let text = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n";
        let mut framing = Framing::default();
        assert_eq!(framing.feed([text, "xy"].concat().as_bytes()), Ok(text.len() + 1));
        assert!(framing.is_lost() && !framing.is_in_body() && !framing.is_idle());
        assert_eq!(framing.feed(b"\r\n"), Ok(0));
    }
}
