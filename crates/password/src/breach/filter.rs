//! Filter file of breached passwords, read where it lies.
//!
//! A look-up reads the one shard that can hold the key, and nothing stays in memory: the system
//! caches what is used. The file has this form, all numbers in little-endian order:
//!
//! | Bytes | Content |
//! |---|---|
//! | 8 | the format, `PCBREA01` |
//! | any | the shards |
//! | 8 | the number of entries |
//! | 8 × 4,097 | where each shard begins, and where the last one ends |
//! | 32 | SHA-256 of the format and of what follows the shards |

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use portcullis_domain::open_regular_file;
use sha2::{Digest, Sha256};

use super::BreachDigest;
use super::shard::{self, SHARDS, Shard};
use crate::SecureRandom;

/// The first bytes.
pub(super) const FORMAT: [u8; 8] = *b"PCBREA01";

/// The bytes of a number.
const NUMBER: usize = size_of::<u64>();

/// The bytes after the shards: numbers and digest.
const FOOTER: usize = (1 + SHARDS + 1) * NUMBER + DIGEST;

/// The bytes of the digest.
const DIGEST: usize = 32;

/// The maximum size of a shard, of which a look-up reads one: enough for ten times as many passwords
/// as any list has.
const MAX_SHARD: u64 = 8 * 1024 * 1024;

/// A file of breached passwords. It finds each of them, and takes one of 65,536 others for one.
#[derive(Debug)]
pub struct BreachFilter {
    file: File,
    entries: u64,
    /// Where each shard begins, and the end.
    places: Vec<u64>,
}

impl BreachFilter {
    /// Opens a file that [`BreachFilterBuilder`](super::BreachFilterBuilder) has made.
    ///
    /// # Errors
    ///
    /// Those of the file; [`ErrorKind::InvalidInput`] if it is no regular file, and
    /// [`ErrorKind::InvalidData`] if it is no such file, or incomplete.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_regular_file(path)?;
        let end = file.metadata()?.len();
        let [format, footer] = [FORMAT.len(), FOOTER].map(u64::try_from);
        let begin = end.checked_sub(footer.map_err(io::Error::other)?);
        let begin = begin.filter(|begin| format.is_ok_and(|format| format <= *begin));
        let begin = begin.ok_or(ErrorKind::InvalidData)?;
        let (mut format, mut footer) = ([0; FORMAT.len()], vec![0; FOOTER]);
        file.read_exact_at(&mut format, 0)?;
        file.read_exact_at(&mut footer, begin)?;
        let read = if format == FORMAT { read_footer(&footer, begin) } else { None };
        let (entries, places) = read.ok_or(ErrorKind::InvalidData)?;
        Ok(Self { file, entries, places })
    }

    /// True if the password is listed.
    ///
    /// # Errors
    ///
    /// Those of the file; [`ErrorKind::InvalidData`] if it is damaged.
    pub fn contains(&self, digest: &BreachDigest) -> io::Result<bool> {
        let key = digest.key();
        Ok(self.shard(shard::number(key))?.contains(key))
    }

    /// The number of listed passwords.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The share of random keys that the filter takes for listed ones, by this many for each of its
    /// shards.
    ///
    /// # Errors
    ///
    /// Those of [`BreachFilter::contains`].
    pub fn false_positives(&self, tries: u32, random: &dyn SecureRandom) -> io::Result<f64> {
        let mut found = 0_u32;
        for number in 0..SHARDS {
            let shard = self.shard(number)?;
            let mut bytes = vec![0; NUMBER * usize::try_from(tries).unwrap_or_default()];
            random.fill(&mut bytes);
            let keys = bytes.as_chunks::<NUMBER>().0.iter().map(|key| u64::from_le_bytes(*key));
            let hits = keys.filter(|key| shard.contains(*key)).count();
            found = found.saturating_add(u32::try_from(hits).unwrap_or(u32::MAX));
        }
        let all = f64::from(tries) * f64::from(u32::try_from(SHARDS).unwrap_or(u32::MAX));
        Ok(f64::from(found) / all)
    }

    fn shard(&self, number: usize) -> io::Result<Shard> {
        let place = |number: usize| self.places.get(number).copied().unwrap_or_default();
        let (begin, end) = (place(number), place(number + 1));
        let length = usize::try_from(end - begin).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, begin)?;
        Shard::decode(number, &bytes).ok_or_else(|| ErrorKind::InvalidData.into())
    }
}

/// What follows the shards at these places.
pub(super) fn write_footer(entries: u64, places: &[u64]) -> Vec<u8> {
    let mut footer = entries.to_le_bytes().to_vec();
    footer.extend(places.iter().flat_map(|place| place.to_le_bytes()));
    let digest = digest(&footer);
    footer.extend(digest);
    footer
}

/// The number of entries, and the places of the shards in ascending order up to `end`.
fn read_footer(footer: &[u8], end: u64) -> Option<(u64, Vec<u64>)> {
    let (content, sum) = footer.split_last_chunk::<DIGEST>()?;
    let (entries, places) = content.as_chunks::<NUMBER>().0.split_first()?;
    let places: Vec<u64> = places.iter().map(|place| u64::from_le_bytes(*place)).collect();
    let begin = u64::try_from(FORMAT.len()).ok();
    let is_whole = *sum == digest(content)
        && places.first().copied() == begin
        && places.last() == Some(&end)
        && places.is_sorted()
        && places.iter().zip(places.iter().skip(1)).all(|(begin, end)| end - begin <= MAX_SHARD);
    is_whole.then(|| (u64::from_le_bytes(*entries), places))
}

fn digest(content: &[u8]) -> [u8; DIGEST] {
    Sha256::new().chain_update(FORMAT).chain_update(content).finalize().into()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::breach::{BreachFilterBuilder, BreachFilterError};
    use crate::{Password, SystemRandom};

    const LISTED: [&str; 3] = ["password", "iloveyou2", "qwertyuiopasdfgh"];

    fn digest(typed: &str) -> BreachDigest {
        BreachDigest::of(&Password::parse(typed).unwrap())
    }

    /// The list of these passwords, each with its place as its count.
    fn list(passwords: &[&str]) -> String {
        let mut digests: Vec<String> =
            passwords.iter().map(|typed| digest(typed).hex().to_string()).collect();
        digests.sort();
        digests.iter().zip(1..).fold(String::new(), |mut list, (digest, count)| {
            write!(list, "{digest}:{count}\r\n").unwrap();
            list
        })
    }

    fn build(path: &Path, list: &str, at_least: u64) -> Result<u64, BreachFilterError> {
        let mut builder = BreachFilterBuilder::new(File::create(path)?)?;
        builder.read(list.as_bytes(), at_least)?;
        let summary = builder.finish()?;
        assert_eq!(fs::metadata(path)?.len(), summary.bytes);
        Ok(summary.entries)
    }

    #[test]
    fn the_listed_passwords_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filter");
        assert_eq!(build(&path, &list(&LISTED), 1).unwrap(), 3);
        let filter = BreachFilter::open(&path).unwrap();
        assert_eq!(filter.entries(), 3);
        for typed in LISTED {
            assert!(filter.contains(&digest(typed)).unwrap(), "{typed}");
        }
        assert!(!filter.contains(&digest("violet otter plays 7 cellos")).unwrap());
        assert!(filter.false_positives(100, &SystemRandom).unwrap() < 0.000_2);
    }

    #[test]
    fn rare_entries_are_left_out_and_double_ones_count_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filter");
        assert_eq!(build(&path, &list(&LISTED), 2).unwrap(), 2);
        assert_eq!(build(&path, &list(&["password", "password"]), 1).unwrap(), 1);
        assert_eq!(build(&path, "", 1).unwrap(), 0);
        assert!(!BreachFilter::open(&path).unwrap().contains(&digest("password")).unwrap());
    }

    #[test]
    fn a_faulty_list_names_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filter");
        let list = list(&LISTED);
        let lines: Vec<&str> = list.lines().collect();
        let unordered = format!("{}\n{}\n", lines[1], lines[0]);
        for (faulty, expected) in [
            (unordered.as_str(), "line 2 is out of order"),
            ("\n", "line 1 is no SHA-1"),
            ("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:x", "line 1 is no SHA-1"),
            ("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD", "line 1 is no SHA-1"),
            (&"5".repeat(500), "line 1 is no SHA-1"),
        ] {
            let error = build(&path, faulty, 1).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    /// A writer of the file can compute its digest too.
    #[test]
    fn a_shard_that_would_fill_the_memory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filter");
        let end = 8 + (1 << 40);
        let mut places = vec![end; SHARDS + 1];
        places[0] = 8;
        let file = File::create(&path).unwrap();
        file.write_all_at(&FORMAT, 0).unwrap();
        file.write_all_at(&write_footer(1, &places), end).unwrap();
        assert_eq!(BreachFilter::open(&path).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filter");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(BreachFilter::open(&path).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_damaged_or_unfinished_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filter");
        build(&path, &list(&LISTED), 1).unwrap();
        let whole = fs::read(&path).unwrap();
        let footer = whole.len() - FOOTER;
        for place in [0, 7, footer, footer + 8, whole.len() - 33, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert!(BreachFilter::open(&path).is_err(), "{place}");
        }
        for length in [0, 8, FOOTER, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(BreachFilter::open(&path).is_err(), "{length}");
        }
        let mut damaged = whole.clone();
        damaged[8 + 3] ^= 1;
        fs::write(&path, damaged).unwrap();
        let filter = BreachFilter::open(&path).unwrap();
        let results = LISTED.map(|typed| filter.contains(&digest(typed)).is_err());
        assert_eq!(results.iter().filter(|is_err| **is_err).count(), 1);
    }
}
