//! A body of chunks (RFC 9112 section 7.1), followed byte by byte.
//!
//! Every line ends with CR LF, and neither stands alone: a line that one implementation ends
//! earlier than another hides a request. A size has at most 16 digits; extensions and trailers have
//! their form and a maximum length.

/// The maximum of bytes after the size of one chunk, and of all lines after the last chunk.
const MAX_EXTENSION: usize = 256;
const MAX_TRAILERS: usize = 4 * 1024;

/// A place in a body of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    Size {
        value: u64,
        digits: u8,
    },
    /// White space before an extension.
    Blank {
        value: u64,
        length: usize,
    },
    Extension {
        value: u64,
        length: usize,
    },
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    Trailer {
        part: Part,
        length: usize,
    },
    Done,
}

/// A place in the lines after the last chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Begin,
    Name,
    Value,
    Lf,
    LastLf,
}

impl Chunked {
    /// Before the first chunk.
    pub(super) const START: Self = Self::Size { value: 0, digits: 0 };

    /// Returns the number of bytes that belong to the body, and false if the next one is invalid.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut taken = 0;
        while *self != Self::Done
            && let Some(rest) = bytes.get(taken..)
            && let Some(byte) = rest.first().copied()
        {
            if let Self::Data(left) = *self {
                let part = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                let left = left.saturating_sub(u64::try_from(part).unwrap_or(u64::MAX));
                *self = if left == 0 { Self::DataCr } else { Self::Data(left) };
                taken += part;
                continue;
            }
            let Some(next) = self.next(byte) else { return (taken, false) };
            *self = next;
            taken += 1;
        }
        (taken, true)
    }

    /// The place after this byte outside the data; `None` if it is invalid.
    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size { value, digits: 1.. } | Self::Blank { value, .. }, b';') => {
                Self::Extension { value, length: 0 }
            }
            (Self::Size { value, digits: 1.. } | Self::Extension { value, .. }, b'\r') => {
                Self::SizeLf(value)
            }
            (Self::Size { value, digits: 1.. }, b' ' | b'\t') => Self::Blank { value, length: 0 },
            (Self::Size { value, digits: digits @ 0..16 }, _) => {
                let digit = char::from(byte).to_digit(16)?;
                Self::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Self::Blank { value, length: length @ 0..MAX_EXTENSION }, b' ' | b'\t') => {
                Self::Blank { value, length: length + 1 }
            }
            (Self::Extension { value, length: length @ 0..MAX_EXTENSION }, _) if is_text(byte) => {
                Self::Extension { value, length: length + 1 }
            }
            (Self::SizeLf(0), b'\n') => Self::Trailer { part: Part::Begin, length: 0 },
            (Self::SizeLf(value), b'\n') => Self::Data(value),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::START,
            (Self::Trailer { part: Part::LastLf, .. }, b'\n') => Self::Done,
            (Self::Trailer { part, length: length @ 0..MAX_TRAILERS }, _) => {
                Self::Trailer { part: part.next(byte)?, length: length + 1 }
            }
            _ => return None,
        })
    }
}

impl Part {
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Begin, b'\r') => Some(Self::LastLf),
            (Self::Name, b':') => Some(Self::Value),
            (Self::Begin | Self::Name, _) if is_token(byte) => Some(Self::Name),
            (Self::Value, b'\r') => Some(Self::Lf),
            (Self::Value, _) if is_text(byte) => Some(Self::Value),
            (Self::Lf, b'\n') => Some(Self::Begin),
            _ => None,
        }
    }
}

/// A byte of a field value (RFC 9110 section 5.5).
const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// A byte of a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of bytes of the body, and whether it is valid and complete.
    fn follow(text: &str, piece: usize) -> (usize, bool) {
        let mut place = Chunked::START;
        let mut all = 0;
        for bytes in text.as_bytes().chunks(piece) {
            let (taken, is_valid) = place.feed(bytes);
            all += taken;
            if !is_valid {
                return (all, false);
            }
        }
        (all, place == Chunked::Done)
    }

    #[test]
    fn a_body_ends_after_its_last_line() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "000A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
            "1 \t;x\r\n\n\r\n00;y\r\n\r\n",
            "0\r\nlast: one\r\nempty:\r\n\r\n",
        ] {
            for piece in 1..=body.len() {
                assert_eq!(follow(body, piece), (body.len(), true), "{body:?} by {piece}");
                let more = [body, "GET"].concat();
                assert_eq!(follow(&more, more.len()), (body.len(), true), "{body:?}");
            }
        }
    }

    #[test]
    fn an_invalid_body_ends_before_the_first_invalid_byte() {
        for (valid, invalid) in [
            ("", "\r\n"),
            ("", "+1"),
            ("", " 1"),
            ("0", "x1"),
            ("1", "_0"),
            ("1", "\n"),
            ("1\r", "\r\n"),
            ("1 ", "\r\n"),
            ("1 ", "1"),
            ("1;a\r", "b\r\n"),
            ("1;a", "\n"),
            ("1;a", "\0"),
            ("0000000000000001", "0\r\n"),
            ("1\r\nx", "y"),
            ("1\r\nx", "\n0"),
            ("1\r\nx\r", "x"),
            ("0\r\n", "\n"),
            ("0\r\n", " a: b"),
            ("0\r\n", ": b"),
            ("0\r\na", "\r\n"),
            ("0\r\na", " : b"),
            ("0\r\na: b", "\n"),
            ("0\r\na: b", "\0"),
            ("0\r\na: b\r", "c"),
            ("0\r\n\r", "x"),
        ] {
            let body = [valid, invalid, "\r\n\r\n"].concat();
            for piece in [1, body.len()] {
                assert_eq!(follow(&body, piece), (valid.len(), false), "{body:?} by {piece}");
            }
        }
    }

    #[test]
    fn the_lines_around_the_data_have_a_maximum_length() {
        for (begin, endless) in [("1 ", " "), ("1;", "x"), ("0\r\n", "x: y\r\n")] {
            let body = [begin, &endless.repeat(MAX_TRAILERS)].concat();
            let (taken, is_valid) = follow(&body, body.len());
            assert!(!is_valid && taken <= begin.len() + MAX_TRAILERS, "{begin:?}");
        }
    }
}
