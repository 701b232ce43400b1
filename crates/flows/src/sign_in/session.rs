//! The sessions of an account, listed and ended by its owner.
//!
//! A session of another account is treated like an unknown one.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, DisplayName, Role, SessionId, Timestamp};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::revocation::Revoked;
use crate::sign_in::session_tokens::{SessionEnd, SessionLifetimes, TokenIssuer};

/// The port of sessions.
pub trait SessionStore: Send + Sync {
    /// The role of the account and its sessions that have not been ended, the newest first; `None`
    /// if there is no such account.
    fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<(Role, Vec<ActiveSession>)>, StoreError>;

    /// Ends the session, revokes its access tokens and records it; changes and records nothing if
    /// the account has no such live session.
    fn end_session_of(
        &self,
        account: AccountId,
        session: SessionId,
        ending: SessionEnd,
        effects: &Effects,
    ) -> Result<Revoked, StoreError>;

    /// Ends every session of the account except `keep`, revokes their access tokens and records it.
    fn end_other_sessions(
        &self,
        account: AccountId,
        keep: SessionId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Revoked>,
    ) -> Result<Revoked, StoreError>;
}

/// A session in the list of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveSession {
    /// The session.
    pub id: SessionId,
    /// The name that the person gives the device.
    pub device_name: Option<DisplayName>,
    /// The address of the latest refresh.
    pub address: IpAddr,
    /// The user agent of that request.
    pub user_agent: Option<String>,
    /// The time of the sign-in.
    pub created_at: Timestamp,
    /// The time at which its latest refresh token was issued: an access token in use becomes
    /// visible only at its refresh.
    pub last_used_at: Timestamp,
    /// The expiry if it is not used again. Storage knows the absolute end only.
    pub ends_at: Timestamp,
}

/// Lists and ends the sessions of an account.
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl Sessions {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn SessionStore>, issuer: TokenIssuer, ambient: Ambient) -> Self {
        Self { store, issuer, ambient }
    }

    /// The live sessions of the account, the newest first.
    pub fn list(&self, account: AccountId) -> Result<Vec<ActiveSession>, StoreError> {
        let now = self.ambient.now();
        let Some((role, sessions)) = self.store.sessions(account, now)? else {
            return Ok(Vec::new());
        };
        Ok(sessions.into_iter().filter_map(|session| self.live(session, &role, now)).collect())
    }

    /// The session with the end that the role of its account gives; `None` if that is over.
    pub(crate) fn live(
        &self,
        session: ActiveSession,
        role: &Role,
        now: Timestamp,
    ) -> Option<ActiveSession> {
        let SessionLifetimes { absolute, idle } = self.issuer.lifetimes(role);
        let ends_at = (session.created_at + absolute).min(session.last_used_at + idle);
        let ends_at = session.ends_at.min(ends_at);
        (ends_at > now).then_some(ActiveSession { ends_at, ..session })
    }

    /// Ends one session of the account; returns whether it was live.
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

    /// Ends every session of the account except the calling one.
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
        event_now(kind, Outcome::Success, origin, &self.ambient).about(account).in_session(session)
    }
}
