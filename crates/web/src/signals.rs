//! SIGTERM and SIGINT: a process is told to stop.

use std::io;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};

/// Both signals. One that comes after this was made is not missed.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

/// For a process that serves nothing: calls `ready` as soon as a signal would be heeded, and returns
/// true at the first signal. Returns false when `is_running` does.
///
/// # Errors
///
/// When the operating system gives no runtime or no signal handler.
pub fn until_stopped(ready: impl FnOnce(), is_running: impl Fn() -> bool) -> io::Result<bool> {
    rt::System::new().block_on(async {
        let mut signals = Signals::new()?;
        ready();
        let mut second = rt::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = signals.next() => return Ok(true),
                _ = second.tick() => if !is_running() {
                    return Ok(false);
                },
            }
        }
    })
}
