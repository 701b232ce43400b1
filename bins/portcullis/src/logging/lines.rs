//! Writes log lines to standard error. The thread that logs never blocks, and logging never fails.
//!
//! Lines are queued in memory, and one thread writes them. When the pipe is not read or closed, or the
//! disk is full, lines are dropped and counted. Later lines are written again when that is possible.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use portcullis_domain::Supervised;
use tracing_subscriber::fmt::MakeWriter;

/// The maximum size of queued lines, in bytes. As many again may be in the write buffer.
const MAX_WAITING: usize = 1024 * 1024;

/// The pause before the next attempt at a non-blocking stream that is full.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// The queue of log lines, as the logger sees it.
#[derive(Clone)]
pub(super) struct Lines {
    shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    /// Signals that there are lines to write.
    wanted: Condvar,
    /// Signals that every queued line has been tried.
    idle: Condvar,
    lost: Arc<AtomicU64>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<u8>,
    is_writing: bool,
}

impl Lines {
    /// Starts the thread that writes to `stream`.
    pub(super) fn start(stream: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let work = Arc::clone(&shared);
        let mut output = Output { stream, reported: 0, is_cut: false };
        Supervised::restarting("log", move || output.work(&work))?;
        Ok(Self { shared })
    }

    /// The number of lost lines.
    pub(super) fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.lost)
    }

    /// Waits until every queued line has been tried. Returns false after the timeout.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let is_busy = |queue: &mut Queue| queue.is_writing || !queue.waiting.is_empty();
        let waited = self.shared.idle.wait_timeout_while(self.shared.queue(), timeout, is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Shared;

    fn make_writer(&'a self) -> Self::Writer {
        &self.shared
    }
}

/// Each call is one event.
impl Write for &Shared {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.push(event);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one event as one line: line breaks in it are replaced.
    fn push(&self, line: &[u8]) {
        let mut queue = self.queue();
        if queue.waiting.len().saturating_add(line.len()) >= MAX_WAITING {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        queue.waiting.extend(text.iter().map(|byte| match byte {
            b'\n' | b'\r' => b' ',
            other => *other,
        }));
        queue.waiting.push(b'\n');
        drop(queue);
        self.wanted.notify_one();
    }

    /// Waits for lines and swaps them with an empty buffer.
    fn next(&self, mut written: Vec<u8>) -> Vec<u8> {
        written.clear();
        let mut queue = self.queue();
        queue.is_writing = false;
        if queue.waiting.is_empty() {
            self.idle.notify_all();
        }
        let waited = self.wanted.wait_while(queue, |queue| queue.waiting.is_empty());
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        queue.is_writing = true;
        mem::replace(&mut queue.waiting, written)
    }
}

/// The thread that writes.
struct Output<W> {
    stream: W,
    /// Lost lines that the log has reported.
    reported: u64,
    /// The last line was written only in part.
    is_cut: bool,
}

impl<W: Write> Output<W> {
    /// Writes lines until the process ends.
    fn work(&mut self, shared: &Shared) {
        let mut lines = Vec::new();
        let mut is_writable = false;
        loop {
            lines = shared.next(lines);
            let lost = shared.lost.load(Ordering::Relaxed);
            if is_writable && lost > self.reported {
                // The queue is empty at this moment, so there is room for this line.
                tracing::warn!(lines = lost - self.reported, "log lines were lost");
                self.reported = lost;
            }
            let lost = self.write(&lines);
            shared.lost.fetch_add(lost, Ordering::Relaxed);
            is_writable = lost == 0;
        }
    }

    /// Returns the number of lost lines.
    fn write(&mut self, lines: &[u8]) -> u64 {
        let mut rest = lines;
        if mem::take(&mut self.is_cut) && self.put(b"\n").is_err() {
            self.is_cut = true;
            return count(lines);
        }
        while !rest.is_empty() {
            match self.put(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(_) => break,
            }
        }
        let written = lines.get(..lines.len() - rest.len()).unwrap_or_default();
        self.is_cut = !written.is_empty() && !written.ends_with(b"\n");
        count(rest)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stream.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::park_timeout(RETRY_DELAY);
                }
                outcome => return outcome,
            }
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    let ends = lines.split(|byte| *byte == b'\n').count().saturating_sub(1);
    u64::try_from(ends).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A stream that writes as many bytes as the test allows.
    struct Stream {
        allowed: Receiver<io::Result<usize>>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = self.allowed.recv().map_err(io::Error::other)??.min(bytes.len());
            drop(self.written.send(bytes[..count].to_vec()));
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Test {
        lines: Lines,
        allow: Sender<io::Result<usize>>,
        written: Receiver<Vec<u8>>,
    }

    fn start() -> Test {
        let (allow, allowed) = mpsc::channel();
        let (write, written) = mpsc::channel();
        let lines = Lines::start(Stream { allowed, written: write }).unwrap();
        Test { lines, allow, written }
    }

    fn lost(lines: &Lines) -> u64 {
        lines.lost().load(Ordering::Relaxed)
    }

    #[test]
    fn what_cannot_be_written_is_lost_and_counted_and_the_next_line_is_whole() {
        let Test { lines, allow, written } = start();
        allow.send(Ok(3)).unwrap();
        allow.send(Err(ErrorKind::StorageFull.into())).unwrap();
        lines.shared.push(b"first\n");
        assert!(lines.flush(LONG));
        assert_eq!((written.recv().unwrap(), lost(&lines)), (b"fir".to_vec(), 1));
        allow.send(Ok(MAX_WAITING)).unwrap();
        allow.send(Ok(MAX_WAITING)).unwrap();
        lines.shared.push(b"second\n");
        assert_eq!(written.recv().unwrap(), b"\n");
        assert_eq!(written.recv().unwrap(), b"second\n");
        assert_eq!(lost(&lines), 1);
    }

    #[test]
    fn lines_that_nobody_takes_hold_no_more_than_their_share_of_memory() {
        let Test { lines, allow, written } = start();
        let line = vec![b'x'; 1000];
        for _ in 0..5000 {
            lines.shared.push(&line);
        }
        let waiting = lines.shared.queue().waiting.len();
        assert!(waiting <= MAX_WAITING, "{waiting}");
        assert!(lost(&lines) > 2000, "{}", lost(&lines));
        assert!(!lines.flush(Duration::from_millis(1)), "nobody reads");
        (0..10).for_each(|_| allow.send(Ok(MAX_WAITING)).unwrap());
        assert!(lines.flush(LONG));
        let kept: usize = written.try_iter().map(|bytes| bytes.len()).sum();
        assert_eq!(kept / 1001 + usize::try_from(lost(&lines)).unwrap(), 5000);
    }

    #[test]
    fn an_event_is_one_line() {
        let Test { lines, allow, written } = start();
        allow.send(Ok(MAX_WAITING)).unwrap();
        lines.shared.push(b"no connection\nIs the server running?\r\n");
        assert_eq!(written.recv().unwrap(), b"no connection Is the server running? \n");
    }
}
