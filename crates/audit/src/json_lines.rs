//! `JsonLinesWriter`: exports entries as JSON lines.

use std::io::{self, Write};

use crate::Entry;

/// Writes entries as JSON, one object per line, in constant memory.
#[derive(Debug)]
pub struct JsonLinesWriter<W: Write>(W);

impl<W: Write> JsonLinesWriter<W> {
    /// Creates a writer; writes nothing yet.
    pub const fn new(inner: W) -> Self {
        Self(inner)
    }

    /// Writes one entry.
    pub fn write(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, entry)?;
        self.0.write_all(b"\n")
    }

    /// Flushes, and returns the inner writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.0.flush()?;
        Ok(self.0)
    }
}
