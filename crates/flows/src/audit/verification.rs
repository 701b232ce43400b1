//! Verification and archive of the whole audit log. Verification reports every fault.

use std::io::{self, Write};
use std::sync::Arc;

use portcullis_audit::{
    ArchiveWriter, AuditKeys, Checkpoint, Head, Report, StoredCheckpoint, StoredLink, Verifier,
};

use portcullis_domain::Timestamp;

use crate::StoreError;

/// The port for reading the whole audit log.
pub trait WholeAuditLogStore: Send + Sync {
    /// Reads everything from one snapshot: the checkpoints in the order of their numbers, then the
    /// entries in the order of chains and sequences, then the heads of the chains.
    fn read_whole(&self, reader: &mut dyn WholeAuditLogReader) -> Result<(), ReadError>;

    /// The approximate number of entries, for showing progress.
    fn entries(&self) -> Result<u64, StoreError>;
}

/// Receives what is read.
pub trait WholeAuditLogReader {
    /// Called first, and once.
    fn checkpoints(&mut self, checkpoints: Vec<StoredCheckpoint>) -> io::Result<()>;

    /// Called once for each entry.
    fn entry(&mut self, entry: StoredLink) -> io::Result<()>;

    /// Called last, and once.
    fn heads(&mut self, heads: Vec<Head>) -> io::Result<()>;
}

/// The reason why the audit log was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output could not be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Verifies and archives the audit log.
pub struct Verification {
    store: Arc<dyn WholeAuditLogStore>,
    now: Option<Timestamp>,
}

impl Verification {
    /// Creates the use case with this port.
    pub fn new(store: Arc<dyn WholeAuditLogStore>) -> Self {
        Self { store, now: None }
    }

    /// Also reports checkpoints that are dated after `now`.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Reads the whole audit log once and reports every fault. `held` are checkpoints that were
    /// kept elsewhere; `progress` is called after each entry.
    pub fn verify(
        &self,
        keys: &[&AuditKeys],
        held: &[Checkpoint],
        progress: &mut dyn FnMut(),
    ) -> Result<Report, ReadError> {
        let now = self.now;
        let mut proof = Proof { keys, held, now, progress, verifier: None, report: None };
        self.store.read_whole(&mut proof)?;
        Ok(proof.report.unwrap_or_default())
    }

    /// Writes the whole audit log into a file that can be verified without the database.
    pub fn archive(&self, file: impl Write, progress: &mut dyn FnMut()) -> Result<(), ReadError> {
        let mut archive = Archive { writer: ArchiveWriter::new(file), progress };
        self.store.read_whole(&mut archive)?;
        archive.writer.finish()?;
        Ok(())
    }

    /// The approximate number of entries, for showing progress.
    pub fn entries(&self) -> Result<u64, StoreError> {
        self.store.entries()
    }
}

struct Proof<'a, 'k> {
    keys: &'a [&'k AuditKeys],
    held: &'a [Checkpoint],
    now: Option<Timestamp>,
    progress: &'a mut dyn FnMut(),
    verifier: Option<Verifier<'k>>,
    report: Option<Report>,
}

impl WholeAuditLogReader for Proof<'_, '_> {
    fn checkpoints(&mut self, checkpoints: Vec<StoredCheckpoint>) -> io::Result<()> {
        let verifier = Verifier::new(self.keys, &checkpoints, self.held);
        self.verifier = Some(match self.now {
            Some(now) => verifier.at(now),
            None => verifier,
        });
        Ok(())
    }

    fn entry(&mut self, entry: StoredLink) -> io::Result<()> {
        if let Some(verifier) = &mut self.verifier {
            verifier.push(&entry);
        }
        (self.progress)();
        Ok(())
    }

    fn heads(&mut self, heads: Vec<Head>) -> io::Result<()> {
        self.report = self.verifier.take().map(|verifier| verifier.finish(&heads));
        Ok(())
    }
}

struct Archive<'a, W: Write> {
    writer: ArchiveWriter<W>,
    progress: &'a mut dyn FnMut(),
}

impl<W: Write> WholeAuditLogReader for Archive<'_, W> {
    fn checkpoints(&mut self, checkpoints: Vec<StoredCheckpoint>) -> io::Result<()> {
        checkpoints.iter().try_for_each(|checkpoint| self.writer.checkpoint(checkpoint))
    }

    fn entry(&mut self, entry: StoredLink) -> io::Result<()> {
        self.writer.entry(&entry)?;
        (self.progress)();
        Ok(())
    }

    fn heads(&mut self, heads: Vec<Head>) -> io::Result<()> {
        heads.into_iter().try_for_each(|head| self.writer.head(head))
    }
}
