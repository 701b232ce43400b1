//! Each new checkpoint also as a small file in a directory, from where the operator takes it to
//! another machine.
//!
//! A thread looks for new ones, whoever made them: this node, another one, or the command line.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use portcullis_audit::Checkpoint;
use portcullis_domain::Supervised;
use portcullis_flows::audit::checkpoint::Checkpoints;

use crate::destination;

/// Writes until it is dropped.
pub(crate) struct CheckpointFiles {
    thread: Supervised,
    stop: Option<Sender<()>>,
}

/// How long a new checkpoint may have to wait for its file.
const PERIOD: Duration = Duration::from_secs(1);

/// The longest the end of the server waits for the last file.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl CheckpointFiles {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(crate) fn start(checkpoints: Arc<Checkpoints>, directory: PathBuf) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let mut writer = Writer { checkpoints, directory, written: None, is_failing: false };
        let thread = Supervised::restarting("checkpoint-files", move || {
            loop {
                writer.catch_up();
                if stopped.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            writer.catch_up();
        })?;
        Ok(Self { thread, stop: Some(stop) })
    }
}

impl Drop for CheckpointFiles {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.join(CLOSE_TIMEOUT);
    }
}

struct Writer {
    checkpoints: Arc<Checkpoints>,
    directory: PathBuf,
    /// The number of the last one; at first the latest there is gets a file, and none before it.
    written: Option<u64>,
    is_failing: bool,
}

impl Writer {
    /// Says once that it fails, and once that it works again.
    fn catch_up(&mut self) {
        let outcome = self.write_new();
        let directory = self.directory.display();
        match &outcome {
            Err(error) if !self.is_failing => {
                tracing::error!(%error, %directory, "cannot write a checkpoint file");
            }
            Ok(()) if self.is_failing => {
                tracing::info!(%directory, "checkpoint files are written again");
            }
            _ => {}
        }
        self.is_failing = outcome.is_err();
    }

    fn write_new(&mut self) -> io::Result<()> {
        for checkpoint in self.checkpoints.after(self.written).map_err(io::Error::other)? {
            self.write(&checkpoint)?;
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
}
