//! HTTP/1.1 framing of a connection: in a head, in a body, or between two requests.
//!
//! It tracks the framing (RFC 9112 section 6) of the received bytes, and decides nothing: the HTTP
//! server interprets the requests. Tracking stops at invalid framing, which the HTTP server refuses
//! or takes for a body without end.

use std::mem::MaybeUninit;

use httparse::{Error, Header, Request, Status};

/// The maximum head of a request, in bytes.
pub(super) const MAX_HEAD: usize = 32 * 1024;

/// The maximum of header fields of a request; the HTTP server has the same limit.
const MAX_FIELDS: usize = 96;

/// The maximum of bytes after the size of one chunk, and of all lines after the last chunk.
const MAX_EXTENSION: usize = 256;
const MAX_TRAILERS: usize = 4 * 1024;

/// Tracks the requests of one connection.
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
    /// A body until the connection ends.
    Endless,
    /// Unknown; the connection is about to end.
    Lost,
}

/// The received part of an incomplete head. Empty lines before it are not kept.
#[derive(Debug, Default)]
struct PartialHead {
    bytes: Vec<u8>,
    size: usize,
}

/// A place in a body of chunks (RFC 9112 section 7.1).
#[derive(Clone, Copy, Debug)]
enum Chunked {
    Size {
        value: u64,
        digits: u8,
    },
    Extension {
        value: u64,
        length: usize,
    },
    Data(u64),
    DataEnd,
    /// In the lines after the last chunk: whether this one is empty so far, and the bytes of all.
    Trailer {
        is_empty: bool,
        length: usize,
    },
    Done,
}

/// The head of a request is larger than [`MAX_HEAD`], or has more than [`MAX_FIELDS`] fields.
#[derive(Clone, Copy, Debug)]
struct HeadTooLarge;

impl Default for State {
    fn default() -> Self {
        Self::Head(PartialHead::default())
    }
}

impl Framing {
    /// The number of complete heads.
    pub(super) const fn heads(&self) -> u64 {
        self.heads
    }

    /// True inside an incomplete head.
    pub(super) const fn is_in_head(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.size > 0)
    }

    /// True between requests.
    pub(super) const fn is_idle(&self) -> bool {
        !self.is_in_head() && !self.is_in_body()
    }

    /// True inside an incomplete body.
    pub(super) const fn is_in_body(&self) -> bool {
        matches!(self.state, State::Length(_) | State::Chunked(_) | State::Endless)
    }

    /// True if the connection must end, because the input is invalid or unbounded.
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    /// Tracks the received bytes. If a head is too large, the error holds the number of these bytes
    /// before it.
    pub(super) fn feed(&mut self, all: &[u8]) -> Result<(), usize> {
        let mut bytes = all;
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Head(head) => {
                    let (taken, next) =
                        head.feed(bytes).map_err(|HeadTooLarge| all.len() - bytes.len())?;
                    if let Some(next) = next {
                        self.heads += 1;
                        self.state = next;
                    }
                    taken
                }
                State::Length(left) => {
                    let taken = shorter(*left, bytes);
                    *left -= count(taken);
                    if *left == 0 {
                        self.state = State::default();
                    }
                    taken
                }
                State::Chunked(place) => {
                    let taken = place.feed(bytes);
                    match (*place, taken) {
                        (Chunked::Done, _) => self.state = State::default(),
                        (_, None) => self.state = State::Lost,
                        _ => {}
                    }
                    taken.unwrap_or(bytes.len())
                }
                State::Endless | State::Lost => bytes.len(),
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }
}

impl PartialHead {
    /// Returns the number of bytes taken, and the state after the head if it is complete.
    fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<State>), HeadTooLarge> {
        let blank = if self.bytes.is_empty() {
            bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
        } else {
            0
        };
        self.size = self.size.saturating_add(blank);
        let text = bytes.get(blank..).unwrap_or_default();
        if text.is_empty() {
            return if self.size > MAX_HEAD { Err(HeadTooLarge) } else { Ok((blank, None)) };
        }
        let room = MAX_HEAD.saturating_sub(self.size).saturating_add(1).min(text.len());
        let text = text.get(..room).unwrap_or_default();
        self.size = self.size.saturating_add(text.len());
        if self.bytes.is_empty() {
            // Most heads arrive in one piece.
            if let Some((length, next)) = complete(text)? {
                return Ok((blank + length, Some(next)));
            }
            self.bytes.extend_from_slice(text);
        } else {
            let before = self.bytes.len();
            self.bytes.extend_from_slice(text);
            // Each line is parsed only once more: a client that sends single bytes costs little.
            if text.contains(&b'\n')
                && let Some((length, next)) = complete(&self.bytes)?
            {
                return Ok((length.saturating_sub(before), Some(next)));
            }
        }
        if self.size > MAX_HEAD { Err(HeadTooLarge) } else { Ok((blank + text.len(), None)) }
    }
}

/// The length of the head at the beginning of `text`, and the state after it; `None` if it is not
/// complete.
fn complete(text: &[u8]) -> Result<Option<(usize, State)>, HeadTooLarge> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = Request::new(&mut []);
    match request.parse_with_uninit_headers(text, &mut fields) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) => {
            Ok(Some((length, body(request.method.unwrap_or_default(), request.headers))))
        }
        Err(Error::TooManyHeaders) => Err(HeadTooLarge),
        Err(_) => Ok(Some((text.len(), State::Lost))),
    }
}

/// The state after a head (RFC 9112 section 6.3).
fn body(method: &str, fields: &[Header<'_>]) -> State {
    let mut state = State::default();
    if method == "CONNECT" {
        return State::Endless;
    }
    for field in fields {
        if field.name.eq_ignore_ascii_case("transfer-encoding")
            || field.name.eq_ignore_ascii_case("upgrade")
        {
            let is_chunked = field.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            return if is_chunked { State::Chunked(Chunked::START) } else { State::Endless };
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(field.value).ok();
            state = match length.and_then(|text| text.trim().parse().ok()) {
                Some(0) => State::default(),
                Some(length) => State::Length(length),
                None => State::Lost,
            };
        }
    }
    state
}

impl Chunked {
    const START: Self = Self::Size { value: 0, digits: 0 };

    const TRAILERS: Self = Self::Trailer { is_empty: true, length: 0 };

    /// Returns the number of bytes that belong to the body; `None` if they are invalid.
    fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..)
            && let Some(byte) = rest.first().copied()
            && !matches!(self, Self::Done)
        {
            let mut length = 1;
            *self = match (*self, byte) {
                (Self::Data(left), _) => {
                    length = shorter(left, rest);
                    match left - count(length) {
                        0 => Self::DataEnd,
                        left => Self::Data(left),
                    }
                }
                (Self::Size { digits: 1.., value } | Self::Extension { value, .. }, b'\n') => {
                    if value == 0 {
                        Self::TRAILERS
                    } else {
                        Self::Data(value)
                    }
                }
                (Self::Size { digits: 1.., value }, b';' | b' ' | b'\t' | b'\r') => {
                    Self::Extension { value, length: 0 }
                }
                (Self::Size { value, digits: digits @ 0..16 }, _) => {
                    let digit = char::from(byte).to_digit(16)?;
                    Self::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
                }
                (Self::Extension { value, length: length @ 0..MAX_EXTENSION }, _) => {
                    Self::Extension { value, length: length + 1 }
                }
                (Self::DataEnd, b'\r') => Self::DataEnd,
                (Self::DataEnd, b'\n') => Self::START,
                (Self::Trailer { is_empty: true, .. }, b'\n') | (Self::Done, _) => Self::Done,
                (Self::Trailer { is_empty, length: length @ 0..MAX_TRAILERS }, _) => {
                    let is_empty = byte == b'\n' || (is_empty && byte == b'\r');
                    Self::Trailer { is_empty, length: length + 1 }
                }
                (
                    Self::Size { .. }
                    | Self::DataEnd
                    | Self::Extension { .. }
                    | Self::Trailer { .. },
                    _,
                ) => return None,
            };
            taken += length;
        }
        Some(taken)
    }
}

fn shorter(most: u64, bytes: &[u8]) -> usize {
    usize::try_from(most).map_or(bytes.len(), |most| most.min(bytes.len()))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    const CHUNKS: &str = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
        5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nlast: one\r\n\r\n";
    const LENGTH: &str = "POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody";

    /// In pieces of each length: heads, and where it ended.
    fn follow(text: &[u8], piece: usize) -> (u64, bool, bool) {
        let mut framing = Framing::default();
        text.chunks(piece).for_each(|bytes| framing.feed(bytes).unwrap());
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
    fn it_is_known_whether_a_head_or_a_body_is_missing_something() {
        for (text, expected) in [
            ("", (0, false, false)),
            ("G", (0, true, false)),
            ("\r\n", (0, true, false)),
            (&GET[..GET.len() - 1], (0, true, false)),
            (&[GET, "G"].concat(), (1, true, false)),
            (&LENGTH[..LENGTH.len() - 1], (1, false, true)),
            (&CHUNKS[..CHUNKS.len() - 1], (1, false, true)),
            (&CHUNKS[..CHUNKS.len() - 20], (1, false, true)),
            ("GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\nwhatever", (1, false, true)),
            ("CONNECT x:1 HTTP/1.1\r\n\r\nwhatever", (1, false, true)),
        ] {
            for piece in 1..=text.len().max(1) {
                assert_eq!(follow(text.as_bytes(), piece), expected, "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_head_has_a_limit_in_bytes_and_in_fields() {
        let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(MAX_HEAD));
        let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(MAX_FIELDS + 1));
        let blank = "\r\n".repeat(MAX_HEAD);
        for text in [endless, fields, blank] {
            for piece in [1, 7, 1000, text.len()] {
                let mut framing = Framing::default();
                let outcomes = text.as_bytes().chunks(piece).map(|bytes| framing.feed(bytes));
                assert!(outcomes.into_iter().any(|outcome| outcome == Err(0)));
            }
        }
        let after = [GET, &"x".repeat(MAX_HEAD + 1)].concat();
        assert_eq!(Framing::default().feed(after.as_bytes()), Err(GET.len()));
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD - 30));
        assert_eq!(follow(long.as_bytes(), long.len()), (1, false, false));
    }

    #[test]
    fn what_has_no_form_is_left_to_the_server() {
        for text in [
            "\0\0\r\n\r\n",
            "GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n11111111111111111\r\n",
        ] {
            let (_, is_in_head, is_in_body) = follow(text.as_bytes(), text.len());
            assert!(!is_in_head && !is_in_body, "{text:?}");
        }
    }
}
