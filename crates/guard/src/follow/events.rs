//! Server-sent events (WHATWG HTML section 9.2), limited to the needs of the feed: lines end with
//! LF or CRLF, never with a lone CR.

use std::time::Duration;

use tokio::time::timeout;

use super::Fault;
use super::lines::Lines;

/// The events of an endless response.
pub(crate) struct Events {
    lines: Lines,
    silence: Duration,
}

/// One event. An event without a name is a `message`, which the feed never sends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Events {
    /// `silence` is the timeout for the next event; comments do not count as events.
    pub(crate) const fn new(lines: Lines, silence: Duration) -> Self {
        Self { lines, silence }
    }

    pub(crate) async fn next(&mut self) -> Result<Event, Fault> {
        timeout(self.silence, self.read()).await.map_err(|_| Fault::Silent)?
    }

    async fn read(&mut self) -> Result<Event, Fault> {
        let mut event = Event::default();
        loop {
            let line = self.lines.next().await?.ok_or(Fault::Ended)?;
            let line = str::from_utf8(&line).map_err(|_| MALFORMED)?.trim_end_matches(['\r', '\n']);
            if !line.is_empty() {
                event.add(line)?;
            } else if event.data.is_empty() {
                event = Event::default();
            } else {
                return Ok(event);
            }
        }
    }
}

const MALFORMED: Fault = Fault::Malformed("an event stream");

/// The maximum data of one event, in bytes.
pub(crate) const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

impl Event {
    fn add(&mut self, line: &str) -> Result<(), Fault> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {} // comments, whose field is empty, and what a newer server may add
        }
        if self.data.len() > MAX_EVENT_BYTES { Err(Fault::TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_gathered_and_others_passed_over() {
        let mut event = Event::default();
        for line in [": hello", "id: 7.abcd", "event:revoked", "retry: 10", "data: [", "data:1]"] {
            event.add(line).unwrap();
        }
        let expected =
            Event { id: Some("7.abcd".into()), name: "revoked".into(), data: "[\n1]".into() };
        assert_eq!(event, expected);
    }

    #[test]
    fn data_that_never_ends_is_refused() {
        let mut event = Event::default();
        let line = format!("data:{}", "x".repeat(MAX_EVENT_BYTES / 4));
        let verdicts: Vec<bool> = (0..5).map(|_| event.add(&line).is_ok()).collect();
        assert_eq!(verdicts, [true, true, true, false, false]);
    }
}
