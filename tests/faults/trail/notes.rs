//! What clients were told.

use std::time::Duration;

/// What one client, or several, were told.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    pub(crate) decisions: Vec<Told>,
    pub(crate) deeds: Vec<Deed>,
}

/// A decision that was answered.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) resource: &'static str,
    pub(crate) allowed: bool,
    /// When the question was sent and the answer was there: it was decided between the two.
    pub(crate) asked: Duration,
    pub(crate) answered: Duration,
}

/// Something that the trail has to tell of in an event.
#[derive(Clone)]
pub(crate) struct Deed {
    /// Sent as the user agent, by which the trail remembers it.
    pub(crate) id: String,
    /// The kind of the event.
    pub(crate) kind: &'static str,
    /// Whether it was acknowledged; if not, it was done or not.
    pub(crate) acknowledged: bool,
}

impl Notes {
    /// All that was told to any of them.
    pub(crate) fn of<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut together = Self::default();
        for notes in all {
            together.decisions.extend_from_slice(&notes.decisions);
            together.deeds.extend_from_slice(&notes.deeds);
        }
        together
    }

    /// Writes down what is about to be asked for, as not acknowledged; answers its id.
    pub(super) fn begin(&mut self, client: &str, kind: &'static str) -> String {
        let id = format!("{client}/{}", self.deeds.len());
        self.deeds.push(Deed { id: id.clone(), kind, acknowledged: false });
        id
    }

    /// Writes down that the last one was acknowledged.
    pub(super) fn conclude(&mut self) {
        self.deeds.last_mut().expect("something was asked for").acknowledged = true;
    }
}
