//! How recent a sign-in must be for what changes the house, and the record of one that was not.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Clock, SecureRandom, SessionId, Timestamp};

use crate::StoreError;
use crate::trail::TrailStore;

/// The use case.
pub struct StepUp {
    store: Arc<dyn TrailStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
}

impl StepUp {
    /// A sign-in of this age is no longer recent.
    pub const RECENT: Duration = Duration::from_secs(15 * 60);

    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn TrailStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self { store, clock, random }
    }

    /// Whether somebody who signed in then need not do so again.
    pub fn is_recent(&self, signed_in_at: Timestamp) -> bool {
        self.clock.now().since(signed_in_at) < Self::RECENT
    }

    /// Records that something was refused because it does.
    pub fn record_refusal(
        &self,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let (kind, now) = (EventKind::StepUpRequired, self.clock.now());
        let event = SecurityEvent::new(kind, Outcome::Denied, origin, now, &*self.random)
            .about(account)
            .in_session(session);
        self.store.record(&event)
    }
}
