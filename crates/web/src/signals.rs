//! Process signals: SIGTERM and SIGINT.

use std::io;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};

/// Both signals. A signal after the creation of this value is not missed.
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

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

/// Waits, for a process that serves nothing: calls `ready` as soon as signals are handled, and
/// returns true at the first signal. Returns false if `goes_on` does.
///
/// # Errors
///
/// If the operating system gives no runtime or no signal handler.
pub fn until_stopped(ready: impl FnOnce(), goes_on: impl Fn() -> bool) -> io::Result<bool> {
    rt::System::new().block_on(async {
        let mut signals = Signals::new()?;
        ready();
        let mut second = rt::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = signals.next() => return Ok(true),
                _ = second.tick() => if !goes_on() {
                    return Ok(false);
                },
            }
        }
    })
}
