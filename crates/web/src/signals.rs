//! Process signals: SIGTERM and SIGINT stop the process, and SIGHUP reloads the TLS certificate.

use std::io;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use portcullis_domain::Supervised;
use tokio::sync::oneshot;

/// The signals to stop. A process creates one value at its start and keeps it: a signal between two
/// waits is seen by the second.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Handles the signals from now on. SIGHUP stops no process from now on.
    ///
    /// # Errors
    ///
    /// If the operating system gives no runtime or no signal handler.
    pub fn new() -> io::Result<Self> {
        rt::System::new().block_on(async {
            // The handler stays when this value is dropped.
            drop(Self::reload()?);
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        })
    }

    /// The signal to reload the TLS certificate.
    pub(crate) fn reload() -> io::Result<Signal> {
        signal(SignalKind::hangup())
    }

    /// Waits for the next signal to stop.
    pub(crate) async fn next(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }

    /// Runs a blocking step of the start on a separate thread. Returns `None` if a signal comes
    /// first; the process then ends without the result of the step.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread, and if the step panics.
    pub fn unless_stopped<T: Send + 'static>(
        &mut self,
        step: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Option<T>> {
        let (send, receive) = oneshot::channel();
        Supervised::once("start", move || drop(send.send(step())))?;
        rt::System::new().block_on(async {
            tokio::select! {
                outcome = receive => outcome.map(Some).map_err(io::Error::other),
                () = self.next() => Ok(None),
            }
        })
    }

    /// Waits for a signal, for a process that serves nothing. Returns false if `goes_on` returns
    /// false first.
    ///
    /// # Errors
    ///
    /// If the operating system gives no runtime.
    pub fn wait_while(&mut self, goes_on: impl Fn() -> bool) -> io::Result<bool> {
        rt::System::new().block_on(async {
            let mut second = rt::time::interval(Duration::from_secs(1));
            loop {
                tokio::select! {
                    () = self.next() => return Ok(true),
                    _ = second.tick() => if !goes_on() {
                        return Ok(false);
                    },
                }
            }
        })
    }
}
