//! Splits a file into lines of bounded length.
//!
//! One row is one line: no field of an account may contain a line break. So an unclosed quotation mark
//! affects one line only, and memory stays bounded for every file.

use std::io::{self, BufRead, Read};

/// The lines of a file, without blank lines.
pub(super) struct Lines<R> {
    reader: R,
    number: u64,
    bytes: u64,
}

/// One line.
pub(super) struct Line {
    /// Counts from 1.
    pub(super) number: u64,
    /// The line without its end.
    pub(super) text: Result<String, LineError>,
}

/// The maximum length of a line, far more than any row needs.
const MAX_LINE_BYTES: u64 = 16 * 1024;

const BYTE_ORDER_MARK: char = '\u{feff}';

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, number: 0, bytes: 0 }
    }

    /// The number of bytes read so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut length = (&mut self.reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
        if length == 0 {
            return Ok(None);
        }
        let is_whole = bytes.ends_with(b"\n") || self.reader.fill_buf()?.is_empty();
        if !is_whole {
            length += self.reader.skip_until(b'\n')?;
        }
        self.number += 1;
        self.bytes += u64::try_from(length).unwrap_or(u64::MAX);
        let text = if is_whole { self.text(bytes) } else { Err(LineError::TooLong) };
        Ok(Some(Line { number: self.number, text }))
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, LineError> {
        let text = String::from_utf8(bytes).map_err(|_| LineError::NotUtf8)?;
        let text = text.trim_end_matches(['\r', '\n']);
        let is_first = self.number == 1;
        let text = text.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first).unwrap_or(text);
        if text.matches('"').count() % 2 == 1 {
            return Err(LineError::OpenQuote);
        }
        Ok(text.to_owned())
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.read().transpose()?;
            let is_blank =
                |line: &Line| line.text.as_ref().is_ok_and(|text| text.trim().is_empty());
            if !line.as_ref().is_ok_and(is_blank) {
                return Some(line);
            }
        }
    }
}

/// The fault of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("the line is longer than 16 KiB")]
    TooLong,
    #[error("the line is not UTF-8")]
    NotUtf8,
    #[error("a quotation mark is not closed on the line")]
    OpenQuote,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u64, Result<String, LineError>)> {
        Lines::new(text).map(|line| line.map(|line| (line.number, line.text)).unwrap()).collect()
    }

    #[test]
    fn lines_are_counted_with_the_blank_ones_that_are_left_out() {
        let found = lines("\u{feff}a\r\n\n  \nb".as_bytes());
        assert_eq!(found, [(1, Ok("a".to_owned())), (4, Ok("b".to_owned()))]);
    }

    #[test]
    fn a_bad_line_spoils_no_other() {
        let mut text = b"\xff\n\"open\n".to_vec();
        text.extend(vec![b'x'; 100_000]);
        text.extend(b"\nlast");
        let found = lines(&text);
        let expected = [
            (1, Err(LineError::NotUtf8)),
            (2, Err(LineError::OpenQuote)),
            (3, Err(LineError::TooLong)),
            (4, Ok("last".to_owned())),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_byte_is_counted() {
        let text = format!("a\n{}\n\nb", "x".repeat(50_000));
        let mut lines = Lines::new(text.as_bytes());
        lines.by_ref().for_each(drop);
        assert_eq!(lines.bytes(), u64::try_from(text.len()).unwrap());
    }
}
