//! Service manager: learns the state of this process by the protocol of `sd_notify(3)`, as systemd does.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use portcullis_domain::Supervised;
use portcullis_web::Phase;
use sd_notify::NotifyState;

/// The connection to the service manager; without one, messages have no effect.
#[derive(Clone)]
pub(crate) struct ServiceManager(Option<Sender<Message>>);

enum Message {
    /// A text for the operator.
    Status(String),
    Phase(Phase),
    /// Requests are answered; from now on the probe says whether that holds.
    Watch(Probe),
}

/// True if the process works.
type Probe = Box<dyn Fn() -> bool + Send>;

impl ServiceManager {
    /// Connects to the service manager that has started this process. Messages are sent by a thread of its
    /// own, because a service manager that does not read blocks its sender.
    pub(crate) fn connect() -> io::Result<Self> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        let (sender, messages) = mpsc::channel();
        let interval = sd_notify::watchdog_enabled().map(|timeout| timeout / FEEDS);
        Supervised::once("service-manager", move || forward(&messages, interval, notify))?;
        Ok(Self(Some(sender)))
    }

    /// Shows a text beside the state.
    pub(crate) fn show(&self, status: impl Into<String>) {
        self.send(Message::Status(status.into()));
    }

    /// Reports a phase of the process.
    pub(crate) fn report(&self, phase: Phase) {
        self.send(Message::Phase(phase));
    }

    /// Feeds the watchdog as long as the probe succeeds, if the service manager has one.
    pub(crate) fn watch(&self, probe: impl Fn() -> bool + Send + 'static) {
        self.send(Message::Watch(Box::new(probe)));
    }

    fn send(&self, message: Message) {
        if let Some(sender) = &self.0 {
            // The thread ends only after a panic, which the log has.
            let _ = sender.send(message);
        }
    }
}

/// The number of times that the watchdog is fed within its timeout: a message between them delays the next.
const FEEDS: u32 = 3;

/// Sends the messages on. Feeds the watchdog between them, at the interval, from the message to watch on.
fn forward(
    messages: &Receiver<Message>,
    interval: Option<Duration>,
    mut notify: impl FnMut(&[NotifyState<'_>]),
) {
    let mut watched: Option<(Probe, Duration)> = None;
    loop {
        let received = match &watched {
            Some((_, interval)) => messages.recv_timeout(*interval),
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match (received, &watched) {
            (Ok(Message::Status(text)), _) => notify(&[NotifyState::Status(&text)]),
            (Ok(Message::Phase(phase)), _) => report(phase, &mut notify),
            (Ok(Message::Watch(probe)), _) => watched = interval.map(|interval| (probe, interval)),
            (Err(RecvTimeoutError::Timeout), Some((probe, _))) => {
                if probe() {
                    notify(&[NotifyState::Watchdog]);
                } else {
                    tracing::error!("the server does not answer; the watchdog is not fed");
                }
            }
            (Err(RecvTimeoutError::Timeout), None) => {}
            (Err(RecvTimeoutError::Disconnected), _) => return,
        }
    }
}

fn report(phase: Phase, notify: &mut impl FnMut(&[NotifyState<'_>])) {
    match phase {
        Phase::Ready | Phase::Reloaded => notify(&[NotifyState::Ready]),
        // The time belongs to the same message, by which systemd orders it.
        Phase::Reloading => match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "no monotonic time for the service manager"),
        },
        Phase::Stopping => notify(&[NotifyState::Stopping]),
        _ => {}
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be reached");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn the_watchdog_is_fed_only_after_a_probe_that_succeeds() {
        let (sender, messages) = mpsc::channel();
        // The end of the answers closes the channel, which ends the forwarding.
        let answers = Mutex::new(vec![(true, Some(sender.clone())), (false, None), (true, None)]);
        let probe = move || answers.lock().unwrap().pop().is_some_and(|(answer, _sender)| answer);
        sender.send(Message::Watch(Box::new(probe))).unwrap();
        drop(sender);
        let mut feeds = 0;
        forward(&messages, Some(Duration::from_millis(1)), |states| {
            feeds += states.iter().filter(|it| matches!(it, NotifyState::Watchdog)).count();
        });
        assert_eq!(feeds, 2);
    }
}
