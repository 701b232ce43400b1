//! Writes each new checkpoint to a file in a directory, for the operator to copy to another machine. It
//! covers checkpoints of this node, of other nodes and of the command line.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis_audit::Checkpoint;
use portcullis_flows::audit::checkpoint::Checkpoints;

use crate::destination;

/// Writes checkpoints to files.
pub(crate) struct CheckpointFiles {
    checkpoints: Arc<Checkpoints>,
    directory: PathBuf,
    /// The number of the last written checkpoint. The first run writes only the latest one.
    written: Option<u64>,
}

impl CheckpointFiles {
    pub(crate) const fn new(checkpoints: Arc<Checkpoints>, directory: PathBuf) -> Self {
        Self { checkpoints, directory, written: None }
    }

    /// Writes a file for each checkpoint that is newer than the last one written.
    pub(crate) fn write_new(&mut self) -> io::Result<()> {
        for checkpoint in self.checkpoints.after(self.written).map_err(io::Error::other)? {
            self.write(&checkpoint).map_err(|error| self.with_directory(&error))?;
            self.written = Some(checkpoint.number());
        }
        Ok(())
    }

    fn write(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let path = self.directory.join(format!("checkpoint-{}.json", checkpoint.number()));
        if path.exists() {
            return Ok(());
        }
        destination::write(Some(&path), |file| file.write_all(checkpoint.to_file().as_bytes()))
    }

    fn with_directory(&self, error: &io::Error) -> io::Error {
        io::Error::other(format!("no checkpoint file in {}: {error}", self.directory.display()))
    }
}
