//! Token introspection (RFC 7662) and token revocation by its holder (RFC 7009).
//!
//! A token is active when its route would accept it: both use one check. For an inactive token
//! nothing is returned: not even whether it was ever active.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{Account, Ambient, Session, SessionId, Timestamp, TokenId};
use portcullis_token::{AccessClaims, RefreshClaims, Revocation, RevocationEntry};

use crate::StoreError;
use crate::sign_in::session_tokens::TokenIssuer;
use crate::sign_in::sign_out::{SignOut, SignOutStore};

/// The port of introspection.
pub trait IntrospectionStore: Send + Sync {
    /// The session with this live refresh token, and its account; `None` if the session
    /// is not live or the account is not active.
    fn session_of_refresh_token(
        &self,
        session: SessionId,
        token: TokenId,
        now: Timestamp,
    ) -> Result<Option<(Session, Account)>, StoreError>;
}

/// An active token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActiveToken {
    /// An access token.
    Access(AccessClaims),
    /// A refresh token.
    Refresh(RefreshClaims),
}

/// Introspects and revokes tokens.
pub struct Introspection {
    store: Arc<dyn IntrospectionStore>,
    issuer: TokenIssuer,
    sign_out: SignOut,
    ambient: Ambient,
}

impl Introspection {
    /// Creates the use case from its dependencies.
    pub fn new<S: IntrospectionStore + SignOutStore + 'static>(
        store: Arc<S>,
        issuer: TokenIssuer,
        ambient: Ambient,
    ) -> Self {
        let sign_out = SignOut::new(store.clone(), issuer.clone(), ambient.clone());
        Self { store, issuer, sign_out, ambient }
    }

    /// The claims of the token, if it is active for a client with this address. Without an address, a token
    /// of an account that is limited to networks is not.
    pub fn introspect(
        &self,
        token: &str,
        client: Option<IpAddr>,
    ) -> Result<Option<ActiveToken>, StoreError> {
        let now = self.ambient.now();
        let authority = self.issuer.authority();
        if let Ok(claims) = authority.verify_access(token, now) {
            let is_active = !self.issuer.revocations().is_revoked(&claims)?
                && self.issuer.networks().admits_token(&claims, client);
            return Ok(is_active.then_some(ActiveToken::Access(claims)));
        }
        let Ok(claims) = authority.verify_refresh(token, now) else { return Ok(None) };
        let found = self.store.session_of_refresh_token(claims.session, claims.token, now)?;
        let is_alive = found.is_some_and(|(session, account)| {
            let is_living =
                self.issuer.still_living(&session, &account.role, claims.issued_at, now);
            is_living.is_some() && self.issuer.networks().admits(&account, client)
        });
        Ok(is_alive.then_some(ActiveToken::Refresh(claims)))
    }

    /// Revokes an access token alone, and with a refresh token its session. The holder of the token
    /// may do so. An invalid or inactive token needs no revocation.
    pub fn revoke(&self, token: &str, origin: &Origin) -> Result<(), StoreError> {
        let now = self.ambient.now();
        let authority = self.issuer.authority();
        if let Ok(claims) = authority.verify_access(token, now) {
            let event = SecurityEvent::new(
                EventKind::TokenRevoked,
                Outcome::Success,
                origin,
                now,
                &*self.ambient.random,
            );
            let event = event.about(claims.subject).in_session(claims.session);
            let entry = RevocationEntry {
                revocation: Revocation::Token(claims.token),
                until: claims.expires_at,
            };
            return self.issuer.revocations().revoke(entry, now, &event.into());
        }
        match authority.verify_refresh(token, now) {
            Ok(claims) => self.sign_out.sign_out(claims.subject, claims.session, origin).map(drop),
            Err(_) => Ok(()),
        }
    }
}
