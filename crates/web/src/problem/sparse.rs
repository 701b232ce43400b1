//! Throttled logging: one line in 30 s, with the number of suppressed lines.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Allows one line of a kind in each [`INTERVAL`].
pub(super) struct ThrottledLog(Mutex<State>);

struct State {
    last: Option<Instant>,
    left_out: u64,
}

/// The minimum time between two lines.
const INTERVAL: Duration = Duration::from_secs(30);

impl ThrottledLog {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(State { last: None, left_out: 0 }))
    }

    /// The number of lines suppressed before, if a line is due now.
    pub(super) fn turn(&self) -> Option<u64> {
        self.turn_at(Instant::now())
    }

    fn turn_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_those_that_were_left_out() {
        let (sparse, begun) = (ThrottledLog::new(), Instant::now());
        assert_eq!(sparse.turn_at(begun), Some(0));
        for millisecond in 1..=100 {
            assert_eq!(sparse.turn_at(begun + Duration::from_millis(millisecond)), None);
        }
        assert_eq!(sparse.turn_at(begun + INTERVAL), Some(100));
        assert_eq!(sparse.turn_at(begun + INTERVAL * 3), Some(0));
    }
}
