//! Client of the revocation feed: adds each revocation as it arrives.

use std::sync::Arc;

use portcullis_domain::Timestamp;
use portcullis_token::RevocationEntry;
use serde::Deserialize;
use tokio::time::sleep;

use super::Fault;
use super::authority::Authority;
use super::back_off::BackOff;
use super::events::{Event, Events};
use super::snapshot::Snapshots;
use crate::revocation_state::RevocationState;

/// Follows the feed and reconnects after failures.
pub(crate) struct Feed {
    authority: Arc<Authority>,
    snapshots: Snapshots,
    known: Arc<RevocationState>,
    cursor: String,
    events: Option<Events>,
}

/// The heartbeat, which the server sends once a second to a reader that is up to date.
#[derive(Deserialize)]
struct Heartbeat {
    as_of: String,
}

impl Feed {
    /// Continues after a snapshot, and reads up to the first heartbeat.
    pub(crate) async fn begin(
        authority: Arc<Authority>,
        snapshots: Snapshots,
        known: Arc<RevocationState>,
        cursor: String,
    ) -> Result<Self, Fault> {
        let mut events = authority.feed(&cursor).await?;
        let mut feed = Self { authority, snapshots, known, cursor, events: None };
        while !feed.take(events.next().await?)? {}
        feed.events = Some(events);
        Ok(feed)
    }

    /// Reads without end. A failure is logged once and retried after a pause.
    pub(crate) async fn run(mut self) {
        let mut back_off = BackOff::default();
        let mut is_lost = false;
        loop {
            let fault = loop {
                match self.read().await {
                    Ok(false) => {}
                    Ok(true) => {
                        if std::mem::take(&mut is_lost) {
                            tracing::info!("revocations are followed again");
                        }
                        back_off.reset();
                        self.known.forget_expired();
                    }
                    Err(fault) => break fault,
                }
            };
            self.events = None;
            if !std::mem::replace(&mut is_lost, true) {
                tracing::warn!(%fault, "revocations cannot be followed");
            }
            sleep(back_off.pause()).await;
        }
    }

    /// Reads one event, and connects first if there is no connection. Returns whether the event was
    /// a heartbeat.
    async fn read(&mut self) -> Result<bool, Fault> {
        let mut events = match self.events.take() {
            Some(events) => events,
            None => self.connect().await?,
        };
        let event = events.next().await?;
        self.events = Some(events);
        self.take(event)
    }

    async fn connect(&mut self) -> Result<Events, Fault> {
        match self.authority.feed(&self.cursor).await {
            Err(Fault::CursorExpired) => {
                self.cursor = self.snapshots.take(&self.authority).await?;
                self.authority.feed(&self.cursor).await
            }
            connected => connected,
        }
    }

    fn take(&mut self, event: Event) -> Result<bool, Fault> {
        match event.name.as_str() {
            "revoked" => {
                let entries: Vec<RevocationEntry> = serde_json::from_str(&event.data)
                    .map_err(|_| Fault::Malformed("a list of revocations"))?;
                self.known.revocations.revoke_all(entries);
                self.cursor = event.id.ok_or(Fault::Malformed("an event with an id"))?;
                Ok(false)
            }
            "heartbeat" => {
                self.known
                    .record_update(as_of(&event.data).ok_or(Fault::Malformed("a heartbeat"))?);
                Ok(true)
            }
            _ => Ok(false), // what a newer server may add
        }
    }
}

fn as_of(data: &str) -> Option<Timestamp> {
    let Heartbeat { as_of } = serde_json::from_str(data).ok()?;
    let time: jiff::Timestamp = as_of.parse().ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_says_up_to_when_all_is_known() {
        let at = as_of(r#"{"as_of":"2027-01-15T08:00:00.25Z","cursor":"7.00000000"}"#);
        assert_eq!(at, Some(Timestamp::from_micros(1_800_000_000_250_000)));
        for data in ["", "{}", r#"{"as_of":null}"#, r#"{"as_of":"noon"}"#] {
            assert_eq!(as_of(data), None, "{data}");
        }
    }
}
