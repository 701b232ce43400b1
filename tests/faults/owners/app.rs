//! An authenticator app that shows each code once.

use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock, Timestamp};
use portcullis_testkit::AuthenticatorApp;

/// The length of a time step in seconds.
const STEP: i64 = 30;

/// The pause between two looks at an app that has no code yet.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// An authenticator app that shows each code once, also those of the step before and after the present one,
/// which the server accepts too. So it has three codes at a time.
pub(crate) struct App {
    app: AuthenticatorApp,
    last_step: i64,
}

impl App {
    /// Creates an app from a seed in base32.
    pub(crate) fn of(secret: &str) -> Self {
        Self { app: AuthenticatorApp::of(secret), last_step: 0 }
    }

    /// The next code that the server accepts at this time; `None` if all of them have been shown.
    pub(crate) fn next_code(&mut self, now: Timestamp) -> Option<String> {
        let seconds = now.as_seconds();
        let present = seconds.div_euclid(STEP);
        // The server may evaluate the code in the next step, where the former one is too old.
        let earliest = if seconds % STEP < STEP / 2 { present - 1 } else { present };
        let step = earliest.max(self.last_step + 1);
        if step > present + 1 {
            return None;
        }
        self.last_step = step;
        Some(self.app.code(Timestamp::from_seconds(step * STEP)))
    }

    /// The next code that the server accepts now, at the latest in the next step.
    pub(crate) fn wait_for_code(&mut self) -> String {
        let clock = SystemClock::new();
        loop {
            if let Some(code) = self.next_code(clock.now()) {
                return code;
            }
            thread::park_timeout(PAUSE);
        }
    }
}
