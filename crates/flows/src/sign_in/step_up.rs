//! Step-up: the maximum age of a sign-in for administrative changes, and the record of a refusal.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::Ambient;

use crate::StoreError;
use crate::audit::trail::AuditLogStore;
use crate::effects::event_now;
use crate::principal::Principal;

/// Checks the age of a sign-in and records refusals.
pub struct StepUp {
    store: Arc<dyn AuditLogStore>,
    ambient: Ambient,
}

impl StepUp {
    /// The maximum age of a recent sign-in.
    pub const MAX_SIGN_IN_AGE: Duration = Duration::from_secs(15 * 60);

    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn AuditLogStore>, ambient: Ambient) -> Self {
        Self { store, ambient }
    }

    /// True if the sign-in of the principal is recent. A credential without a sign-in never is.
    pub fn is_recent(&self, principal: &Principal) -> bool {
        let signed_in_at = principal.authenticated_at();
        signed_in_at.is_some_and(|at| self.ambient.now().since(at) < Self::MAX_SIGN_IN_AGE)
    }

    /// Records a refusal because the sign-in is not recent.
    pub fn record_refusal(&self, principal: &Principal) -> Result<(), StoreError> {
        let kind = EventKind::StepUpRequired;
        let event = event_now(kind, Outcome::Denied, &principal.origin, &self.ambient);
        let (subject, session) = (principal.account(), principal.session());
        self.store.record(&SecurityEvent { subject, session, ..event.by(principal.actor) })
    }
}
