//! Sessions end: this one, or all of the account.
//!
//! The end is committed before it is answered, and this node refuses the access tokens of an ended
//! session from the next request on.

use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Clock, SecureRandom, SessionId, Timestamp};

use crate::StoreError;
use crate::grant::Issuer;

/// What ending sessions needs from storage.
pub trait SignOutStore: Send + Sync {
    /// Ends the session, revokes its access tokens and records it; ending an ended session changes
    /// and records nothing.
    fn end_session(
        &self,
        session: SessionId,
        revoked_until: Timestamp,
        event: &SecurityEvent,
    ) -> Result<(), StoreError>;

    /// Ends every session of the account, revokes their access tokens and records it; answers the
    /// ones that were live.
    fn end_all_sessions(
        &self,
        account: AccountId,
        revoked_until: Timestamp,
        event: &SecurityEvent,
    ) -> Result<Vec<SessionId>, StoreError>;
}

/// The use case.
pub struct SignOut {
    store: Arc<dyn SignOutStore>,
    issuer: Issuer,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
}

impl SignOut {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn SignOutStore>,
        issuer: Issuer,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self { store, issuer, clock, random }
    }

    /// Ends one session.
    pub fn sign_out(
        &self,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let event = self.event(EventKind::SignOut, account, session, origin);
        let until = self.issuer.revoked_until(event.at);
        self.store.end_session(session, until, &event)?;
        self.issuer.revoke([session], until);
        Ok(())
    }

    /// Ends every session of the account, among them `session`, which asked for it.
    pub fn sign_out_everywhere(
        &self,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let event = self.event(EventKind::SignOutAll, account, session, origin);
        let until = self.issuer.revoked_until(event.at);
        let ended = self.store.end_all_sessions(account, until, &event)?;
        self.issuer.revoke(ended, until);
        Ok(())
    }

    fn event(
        &self,
        kind: EventKind,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> SecurityEvent {
        SecurityEvent::new(kind, Outcome::Success, origin, self.clock.now(), &*self.random)
            .about(account)
            .in_session(session)
    }
}
