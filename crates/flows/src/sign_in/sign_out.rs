//! Sign-out: ends one session, or all sessions of an account.
//!
//! The end is committed before the response, and this node refuses the access tokens of an ended
//! session from the next request on. Any credential of a session, expired or not, is enough to end
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, ExposeSecret, SecretString, SessionId};
use portcullis_token::{Digest, Revocation, RevocationEntry};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::revocation::Revoked;
use crate::sign_in::session_tokens::{SessionEnd, TokenIssuer};

/// The port of sign-out.
pub trait SignOutStore: Send + Sync {
    /// Ends the session, revokes its access tokens and records it; changes and records nothing if
    /// it has ended before.
    fn end_session(
        &self,
        session: SessionId,
        ending: SessionEnd,
        effects: &Effects,
    ) -> Result<Revoked, StoreError>;

    /// The account and the live session with this digest of the binding cookie.
    fn session_bound_to(
        &self,
        binding: &Digest,
    ) -> Result<Option<(AccountId, SessionId)>, StoreError>;

    /// Ends every session of the account, revokes their access tokens and records it.
    fn end_all_sessions(
        &self,
        account: AccountId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Revoked>,
    ) -> Result<Revoked, StoreError>;
}

/// The credentials that a client still has of its session.
#[derive(Debug, Default)]
pub struct SignOutCredentials {
    /// The account and the session of a valid or expired access token.
    pub access: Option<(AccountId, SessionId)>,
    /// The refresh token.
    pub refresh_token: Option<SecretString>,
    /// The binding cookie.
    pub binding: Option<SecretString>,
}

/// Signs out.
pub struct SignOut {
    store: Arc<dyn SignOutStore>,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl SignOut {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn SignOutStore>, issuer: TokenIssuer, ambient: Ambient) -> Self {
        Self { store, issuer, ambient }
    }

    /// Ends every session of which the client presents a credential: usually one. Returns whether
    /// there was one to end.
    pub fn sign_out_by(
        &self,
        credentials: &SignOutCredentials,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let (authority, now) = (self.issuer.authority(), self.ambient.now());
        let refresh_token = credentials.refresh_token.as_ref();
        let refresh = refresh_token
            .and_then(|token| authority.verify_expired_refresh(token.expose_secret(), now).ok());
        let refresh = refresh.map(|claims| (claims.subject, claims.session));
        let bound = match &credentials.binding {
            Some(cookie) => self.store.session_bound_to(&Digest::of(cookie.expose_secret()))?,
            None => None,
        };
        let named: BTreeMap<SessionId, AccountId> = [credentials.access, refresh, bound]
            .into_iter()
            .flatten()
            .map(|(account, session)| (session, account))
            .collect();
        let mut has_ended = false;
        for (session, account) in named {
            has_ended |= self.sign_out(account, session, origin)?;
        }
        Ok(has_ended)
    }

    /// Ends one session; returns whether it was live.
    pub fn sign_out(
        &self,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let event = self.event(EventKind::SignOut, account, session, origin);
        let ending = self.issuer.ending(event.kind, event.at);
        let revoked = self.store.end_session(session, ending, &event.into())?;
        let was_live = !revoked.is_empty();
        // Also for an ended session: this node may not know of its end yet.
        let (revocation, until) = (Revocation::Session(session), ending.revoked_until);
        let known = RevocationEntry { revocation, until };
        self.issuer.revocations().enforce(revoked.and_known(known));
        Ok(was_live)
    }

    /// Ends every session of the account, including `session`, the calling one.
    pub fn sign_out_everywhere(
        &self,
        account: AccountId,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let event = self.event(EventKind::SignOutAll, account, session, origin);
        let ending = self.issuer.ending(event.kind, event.at);
        let effects = |revoked: &Revoked| event.clone().ending(revoked.session_count()).into();
        let revoked = self.store.end_all_sessions(account, ending, &effects)?;
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
