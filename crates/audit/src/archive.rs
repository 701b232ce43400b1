//! The archive: an audit log in one file that can be stored and verified without the database.
//!
//! Each line is a JSON object with one member, whose name is the type of the line: `checkpoint`,
//! `event`, `block` or `head`, in this order. The entries of each chain are together and in their
//! order. An event has its columns as members, a block its payload in base64.

use std::io::{self, BufRead, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::{
    AuditKeys, Block, ChainId, Checkpoint, EventRecord, Head, Link, Report, StoredCheckpoint,
    StoredContent, StoredLink, Verifier,
};

/// Writes an archive line by line, in constant memory: checkpoints, then entries, then heads.
#[derive(Debug)]
pub struct ArchiveWriter<W: Write>(W);

impl<W: Write> ArchiveWriter<W> {
    /// Creates a writer; writes nothing yet.
    pub const fn new(inner: W) -> Self {
        Self(inner)
    }

    /// Writes one checkpoint, in the order of the numbers.
    pub fn checkpoint(&mut self, checkpoint: &StoredCheckpoint) -> io::Result<()> {
        let StoredCheckpoint { number, file } = checkpoint;
        self.line(&Line::Checkpoint { number: *number, file: file.clone() })
    }

    /// Writes one entry, in the order of chains and sequences.
    pub fn entry(&mut self, stored: &StoredLink) -> io::Result<()> {
        let StoredLink { chain, sequence, link, ref content } = *stored;
        self.line(&match content {
            StoredContent::Event(record) => {
                Line::Event { chain, sequence, link, record: Box::new(record.clone()) }
            }
            StoredContent::Block(block) => {
                let payload = STANDARD.encode(&block.payload);
                Line::Block { chain, sequence, link, payload }
            }
        })
    }

    /// Writes the head of one chain.
    pub fn head(&mut self, head: Head) -> io::Result<()> {
        self.line(&Line::Head(head))
    }

    /// Flushes, and returns the inner writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.0.flush()?;
        Ok(self.0)
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        self.0.write_all(b"\n")
    }
}

/// Verifies an archive; see [`Verifier`] for `keys` and `held`.
pub fn verify_archive(
    keys: &[&AuditKeys],
    held: &[Checkpoint],
    archive: impl BufRead,
) -> Result<Report, ArchiveError> {
    let mut checkpoints = Vec::new();
    let mut verifier = None;
    let mut heads = Vec::new();
    for (number, line) in (1..).zip(archive.lines()) {
        let unreadable = |why: String| ArchiveError::Line { number, why };
        let line = line.map_err(ArchiveError::Io)?;
        let line = serde_json::from_str(&line).map_err(|error| unreadable(error.to_string()))?;
        match line {
            Line::Checkpoint { .. } if verifier.is_some() => {
                return Err(unreadable(LATE.to_owned()));
            }
            Line::Checkpoint { number, file } => {
                checkpoints.push(StoredCheckpoint { number, file });
            }
            Line::Head(end) => heads.push(end),
            line => {
                let stored = line.stored().map_err(unreadable)?;
                let start = || Verifier::new(keys, &checkpoints, held);
                verifier.get_or_insert_with(start).push(&stored);
            }
        }
    }
    if verifier.is_none() && checkpoints.is_empty() && heads.is_empty() {
        return Err(ArchiveError::Empty);
    }
    let verifier = verifier.unwrap_or_else(|| Verifier::new(keys, &checkpoints, held));
    Ok(verifier.finish(&heads))
}

/// An archive cannot be read to its end.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file cannot be read.
    #[error("cannot read the archive: {0}")]
    Io(io::Error),
    /// The file has no lines, so the export wrote nothing.
    #[error("the archive is empty")]
    Empty,
    /// A line is not a line of an archive.
    #[error("line {number} is not one of an archive: {why}")]
    Line {
        /// The number of the line; the first line is 1.
        number: u64,
        /// The error of this line.
        why: String,
    },
}

portcullis_domain::debug_as_display!(ArchiveError);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Checkpoint { number: u64, file: String },
    Event { chain: ChainId, sequence: u64, link: Link, record: Box<EventRecord> },
    Block { chain: ChainId, sequence: u64, link: Link, payload: String },
    Head(Head),
}

impl Line {
    fn stored(self) -> Result<StoredLink, String> {
        match self {
            Self::Event { chain, sequence, link, record } => {
                Ok(StoredLink { chain, sequence, link, content: StoredContent::Event(*record) })
            }
            Self::Block { chain, sequence, link, payload } => {
                let payload = STANDARD.decode(payload).map_err(|error| error.to_string())?;
                let content = StoredContent::Block(Block::as_found(chain, payload));
                Ok(StoredLink { chain, sequence, link, content })
            }
            Self::Checkpoint { .. } | Self::Head(_) => Err(LATE.to_owned()),
        }
    }
}

const LATE: &str = "checkpoints come before the first entry";
