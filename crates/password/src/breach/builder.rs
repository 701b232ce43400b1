//! Builder of filter files, from the lists that Have I Been Pwned publishes.

use std::io::{self, BufRead, Read, Write};

use super::DIGEST_BYTES;
use super::filter::{FORMAT, write_footer};
use super::shard::{self, SHARDS};

/// The longest line of a list.
const MAX_LINE: u64 = 128;

/// Makes a filter file of a list in ascending order. It keeps one shard in memory.
pub struct BreachFilterBuilder<W> {
    file: W,
    keys: Vec<u64>,
    last: Option<u64>,
    entries: u64,
    places: Vec<u64>,
}

/// The result of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreachFilterSummary {
    /// The listed passwords.
    pub entries: u64,
    /// The size of the file.
    pub bytes: u64,
}

/// The reason why a list makes no filter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BreachFilterError {
    /// The list cannot be read, or the file not written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is no entry.
    #[error("line {line} is no SHA-1 in hex digits with or without `:` and a count")]
    Malformed {
        /// The number of the line, from 1.
        line: u64,
    },
    /// An entry is smaller than the one before.
    #[error("line {line} is out of order: take the list ordered by hash, or sort it")]
    Unordered {
        /// The number of the line, from 1.
        line: u64,
    },
    /// No filter could be constructed; never seen.
    #[error("the entries of one part of the list make no filter")]
    Construction,
}

impl<W: Write> BreachFilterBuilder<W> {
    /// A builder that writes to this empty file, from its begin to its end.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn new(mut file: W) -> io::Result<Self> {
        let begin = u64::try_from(FORMAT.len()).map_err(io::Error::other)?;
        file.write_all(&FORMAT)?;
        Ok(Self { file, keys: Vec::new(), last: None, entries: 0, places: vec![begin] })
    }

    /// Adds the entries of a list that were found at least this often; an entry without a count
    /// always. Returns the number of its lines.
    ///
    /// # Errors
    ///
    /// [`BreachFilterError`].
    pub fn read(
        &mut self,
        mut list: impl BufRead,
        at_least: u64,
    ) -> Result<u64, BreachFilterError> {
        let (mut text, mut line) = (Vec::new(), 0);
        loop {
            text.clear();
            if list.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)? == 0 {
                return Ok(line);
            }
            line += 1;
            let (key, count) = entry(&text).ok_or(BreachFilterError::Malformed { line })?;
            if self.last.is_some_and(|last| key < last) {
                return Err(BreachFilterError::Unordered { line });
            }
            if count.is_none_or(|count| count >= at_least) {
                self.add(key)?;
            }
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// [`BreachFilterError`].
    pub fn finish(mut self) -> Result<BreachFilterSummary, BreachFilterError> {
        self.close_shards(SHARDS)?;
        let footer = write_footer(self.entries, &self.places);
        self.file.write_all(&footer)?;
        self.file.flush()?;
        let length = u64::try_from(footer.len()).map_err(io::Error::other)?;
        Ok(BreachFilterSummary { entries: self.entries, bytes: self.end().saturating_add(length) })
    }

    fn add(&mut self, key: u64) -> Result<(), BreachFilterError> {
        if self.last == Some(key) {
            return Ok(());
        }
        self.close_shards(shard::number(key))?;
        self.keys.push(key);
        self.last = Some(key);
        self.entries += 1;
        Ok(())
    }

    /// Writes the shards before this one.
    fn close_shards(&mut self, next: usize) -> Result<(), BreachFilterError> {
        while self.places.len() <= next {
            let number = self.places.len() - 1;
            let bytes = shard::encode(number, &self.keys).ok_or(BreachFilterError::Construction)?;
            self.file.write_all(&bytes)?;
            let length = u64::try_from(bytes.len()).map_err(io::Error::other)?;
            self.places.push(self.end().saturating_add(length));
            self.keys.clear();
        }
        Ok(())
    }

    fn end(&self) -> u64 {
        self.places.last().copied().unwrap_or_default()
    }
}

/// The key of a line, and the count if it has one.
fn entry(line: &[u8]) -> Option<(u64, Option<u64>)> {
    let line = str::from_utf8(line).ok()?.trim_ascii_end();
    let (digest, count) = match line.split_once(':') {
        Some((digest, count)) => (digest, Some(count.parse().ok()?)),
        None => (line, None),
    };
    let is_digest =
        digest.len() == 2 * DIGEST_BYTES && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = digest.get(..16).filter(|_| is_digest)?;
    Some((u64::from_str_radix(key, 16).ok()?, count))
}
