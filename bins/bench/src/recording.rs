//! The state of the recording of decisions, from the metrics of the server.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::{Instant, sleep};

use crate::client::{Client, get, source};
use crate::outcome::Result;

/// Waits until the recording queue is empty.
///
/// # Errors
///
/// When the number of decisions recorded since the start is not `answered`, or a decision has been dropped.
/// Then the figure is invalid.
pub(crate) async fn all_recorded(operations: SocketAddr, answered: u64) -> Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(30);
    let asked = Instant::now();
    let mut client = Client::connect(operations, source(0)).await?;
    loop {
        let answer =
            client.send(get(operations, "/metrics", None)?).await?.expect(StatusCode::OK)?;
        let state = State::read(&String::from_utf8_lossy(&answer.body))?;
        if state.waiting == 0 {
            return state.proves(answered);
        }
        if asked.elapsed() > TIMEOUT {
            return Err(format!("{} decisions are still not recorded", state.waiting).into());
        }
        sleep(Duration::from_millis(10)).await;
    }
}

#[derive(Debug, PartialEq, Eq)]
struct State {
    waiting: u64,
    recorded: u64,
    dropped: u64,
}

impl State {
    fn read(metrics: &str) -> Result<Self> {
        let value = |name: &str| {
            let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value = value.and_then(|value| value.parse().ok());
            value.ok_or_else(|| format!("no {name} among the metrics"))
        };
        Ok(Self {
            waiting: value("portcullis_audit_queue_depth")?,
            recorded: value("portcullis_audit_recorded_total")?,
            dropped: value("portcullis_audit_dropped_total")?,
        })
    }

    fn proves(&self, answered: u64) -> Result<()> {
        let Self { recorded, dropped, .. } = *self;
        if (recorded, dropped) == (answered, 0) {
            return Ok(());
        }
        Err(format!("{answered} decisions answered, {recorded} recorded, {dropped} dropped").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# HELP portcullis_audit_queue_depth Permission checks.\n\
                           portcullis_audit_queue_depth 2\n\
                           portcullis_audit_recorded_total 40\n\
                           portcullis_audit_dropped_total 0\n";

    #[test]
    fn the_state_is_read_from_the_metrics() {
        let state = State::read(METRICS).unwrap();
        assert_eq!(state, State { waiting: 2, recorded: 40, dropped: 0 });
        assert!(State::read("portcullis_audit_queue_depth 2\n").is_err());
    }

    #[test]
    fn one_decision_too_few_or_too_many_is_an_error() {
        let state = State::read(METRICS).unwrap();
        assert!(state.proves(40).is_ok());
        assert!(state.proves(41).is_err() && state.proves(39).is_err());
        assert!(State { dropped: 1, ..state }.proves(40).is_err());
    }
}
