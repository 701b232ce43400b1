//! Records of the answers to clients.

use std::time::Duration;

/// The answers to one client, or to several.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    pub(crate) decisions: Vec<AnsweredDecision>,
    pub(crate) events: Vec<ExpectedEvent>,
}

/// A decision that was answered.
#[derive(Clone)]
pub(crate) struct AnsweredDecision {
    pub(crate) id: String,
    pub(crate) resource: &'static str,
    pub(crate) allowed: bool,
    /// The times of the request and of the answer; the decision was made between them.
    pub(crate) asked: Duration,
    pub(crate) answered: Duration,
}

/// Something that the audit log has to tell of in an event.
#[derive(Clone)]
pub(crate) struct ExpectedEvent {
    /// The user agent of the request, by which the audit log identifies it.
    pub(crate) id: String,
    /// The kind of the event.
    pub(crate) kind: &'static str,
    /// True if it was acknowledged; otherwise it was done or not.
    pub(crate) acknowledged: bool,
}

impl Notes {
    /// Merges the answers to several clients.
    pub(crate) fn of<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut together = Self::default();
        for notes in all {
            together.decisions.extend_from_slice(&notes.decisions);
            together.events.extend_from_slice(&notes.events);
        }
        together
    }

    /// Records the next operation as not acknowledged. Returns its id.
    pub(super) fn begin(&mut self, client: &str, kind: &'static str) -> String {
        let id = format!("{client}/{}", self.events.len());
        self.events.push(ExpectedEvent { id: id.clone(), kind, acknowledged: false });
        id
    }

    /// Records that the last operation was acknowledged.
    pub(super) fn conclude(&mut self) {
        self.events.last_mut().expect("something was asked for").acknowledged = true;
    }
}
