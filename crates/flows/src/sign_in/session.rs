//! The sessions of an account, as its owner sees and ends them.
//!
//! A session of another account is no different from one that does not exist.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, DisplayName, Role, SessionId, Timestamp};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::node::revocation::Revoked;
use crate::sign_in::session_tokens::{Ending, SessionLifetimes, TokenIssuer};

/// What seeing and ending sessions needs from storage.
pub trait SessionStore: Send + Sync {
    /// The role of the account and its sessions that have not been ended, the newest first; `None`
    /// when there is no such account.
    fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<(Role, Vec<LiveSession>)>, StoreError>;

    /// Ends the session, revokes its access tokens and records it; changes and records nothing when
    /// the account has no such live session.
    fn end_session_of(
        &self,
        account: AccountId,
        session: SessionId,
        ending: Ending,
        effects: &Effects,
    ) -> Result<Revoked, StoreError>;

    /// Ends every session of the account but the one to keep, revokes their access tokens and records
    /// it.
    fn end_other_sessions(
        &self,
        account: AccountId,
        keep: SessionId,
        ending: Ending,
        effects: EffectsOf<'_, Revoked>,
    ) -> Result<Revoked, StoreError>;
}

/// A session as its owner recognises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// The session.
    pub id: SessionId,
    /// What the person calls the device.
    pub device_name: Option<DisplayName>,
    /// Where its latest refresh token was handed out.
    pub address: IpAddr,
    /// What the client called itself then.
    pub user_agent: Option<String>,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When its latest refresh token was handed out: an access token in use shows only when it is
    /// refreshed.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used again. Storage knows the absolute end only.
    pub ends_at: Timestamp,
}

/// The use case.
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl Sessions {
    /// A use case over these parts.
    pub fn new(store: Arc<dyn SessionStore>, issuer: TokenIssuer, ambient: Ambient) -> Self {
        Self { store, issuer, ambient }
    }

    /// The live sessions of the account, the newest first.
    pub fn list(&self, account: AccountId) -> Result<Vec<LiveSession>, StoreError> {
        let now = self.ambient.now();
        let Some((role, mut sessions)) = self.store.sessions(account, now)? else {
            return Ok(Vec::new());
        };
        let SessionLifetimes { absolute, idle } = self.issuer.lifetimes(&role);
        for session in &mut sessions {
            let ends_at = (session.created_at + absolute).min(session.last_used_at + idle);
            session.ends_at = session.ends_at.min(ends_at);
        }
        sessions.retain(|session| session.ends_at > now);
        Ok(sessions)
    }

    /// Ends one session of the account; answers whether there was one to end.
    pub fn end(
        &self,
        account: AccountId,
        asking: SessionId,
        session: SessionId,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let own = session == asking;
        let kind = if own { EventKind::SignOut } else { EventKind::SessionEnded };
        let event = self.event(kind, account, session, origin);
        let ending = self.issuer.ending(kind, event.at);
        let revoked = self.store.end_session_of(account, session, ending, &event.into())?;
        let was_live = !revoked.is_empty();
        self.issuer.revocations().enforce(revoked);
        Ok(was_live)
    }

    /// Ends every session of the account but the one that asks.
    pub fn end_others(
        &self,
        account: AccountId,
        asking: SessionId,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let event = self.event(EventKind::OtherSessionsEnded, account, asking, origin);
        let ending = self.issuer.ending(event.kind, event.at);
        let effects = |revoked: &Revoked| event.clone().ending(revoked.session_count()).into();
        let revoked = self.store.end_other_sessions(account, asking, ending, &effects)?;
        self.issuer.revocations().enforce(revoked);
        Ok(())
    }

    fn event(
        &self,
        kind: EventKind,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> SecurityEvent {
        SecurityEvent::new(
            kind,
            Outcome::Success,
            origin,
            self.ambient.now(),
            &*self.ambient.random,
        )
        .about(account)
        .in_session(session)
    }
}
