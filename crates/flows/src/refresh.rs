//! A refresh token becomes its one successor (RFC 9700 section 4.14.2).
//!
//! A session knows exactly one live refresh token, so a token cannot have two successors whatever
//! happens at once. A loser of the race, within the grace and while the successor is unused, learns
//! the very same successor; any later use of a rotated token is reuse and ends sessions.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, Clock, ExposeSecret, SecretString, SecureRandom, Session, SessionId, Timestamp,
    TokenId,
};
use portcullis_token::Digest;

use crate::StoreError;
use crate::grant::{Grant, Grantee, Issuer, OnReuse};

/// What refreshing needs from storage.
pub trait RefreshStore: Send + Sync {
    /// Puts the successor in the place of the presented token, if that is the live token of a live
    /// session and the binding is right; else says what the presented token is. On reuse the
    /// sessions end and the event is recorded in the same transaction.
    fn rotate(&self, rotation: &Rotation<'_>) -> Result<Rotated, StoreError>;
}

/// One attempt to rotate.
#[derive(Debug)]
pub struct Rotation<'a> {
    /// The session the presented token belongs to.
    pub session: SessionId,
    /// The presented token.
    pub presented: TokenId,
    /// What shall replace it; the presented token itself when rotation is off.
    pub successor: TokenId,
    /// Digest of the binding cookie, if one came along.
    pub binding: Option<Digest>,
    /// How long after a rotation its loser may repeat it.
    pub grace: Duration,
    /// What ends on reuse.
    pub on_reuse: OnReuse,
    /// Until when the access tokens of what ends must be refused.
    pub revoked_until: Timestamp,
    /// Where the request came from, for the family tree.
    pub origin: &'a Origin,
    /// When.
    pub now: Timestamp,
    /// Recorded if the attempt turns out to be reuse.
    pub reuse: &'a SecurityEvent,
}

/// What became of an attempt to rotate.
#[derive(Debug)]
pub enum Rotated {
    /// The successor is now the live token.
    Done {
        /// Whose session it is.
        grantee: Grantee,
        /// The session.
        session: Session,
    },
    /// Somebody with the same token and the same binding was faster; this is what they got.
    Repeated {
        /// Whose session it is.
        grantee: Grantee,
        /// The session.
        session: Session,
        /// The live token.
        successor: TokenId,
        /// When it became so.
        rotated_at: Timestamp,
    },
    /// Somebody was faster, and nothing proves that it was the same client.
    Conflict,
    /// A token rotated earlier came back.
    Reused {
        /// What ended because of it.
        ended: Vec<SessionId>,
    },
    /// No live session, or not its binding.
    Refused,
}

/// A request for a new pair of tokens.
#[derive(Debug)]
pub struct RefreshRequest {
    /// The refresh token.
    pub refresh_token: SecretString,
    /// The binding cookie, if the browser sent one.
    pub binding: Option<SecretString>,
    /// Where the request came from.
    pub origin: Origin,
}

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Unknown, damaged, expired, signed out, or without its binding cookie. Nothing else ended.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The token had been rotated before; sessions have ended because of it.
    #[error("the refresh token had been used before")]
    Reused,
    /// Another request with this token was faster.
    #[error("another request has just used this refresh token")]
    Conflict,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use case.
pub struct Refresh {
    store: Arc<dyn RefreshStore>,
    issuer: Issuer,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
}

impl Refresh {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn RefreshStore>,
        issuer: Issuer,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self { store, issuer, clock, random }
    }

    /// Rotates the refresh token and issues an access token.
    pub fn refresh(&self, request: &RefreshRequest) -> Result<Grant, RefreshError> {
        let now = self.clock.now();
        let claims = self
            .issuer
            .authority()
            .verify_refresh(request.refresh_token.expose_secret(), now)
            .map_err(|_| RefreshError::Invalid)?;
        let successor = if self.issuer.policy().rotate {
            TokenId::generate(now, &*self.random)
        } else {
            claims.token
        };
        let revoked_until = self.issuer.revoked_until(now);
        let rotated = self.store.rotate(&Rotation {
            session: claims.session,
            presented: claims.token,
            successor,
            binding: request.binding.as_ref().map(|cookie| Digest::of(cookie.expose_secret())),
            grace: self.issuer.policy().rotation_grace,
            on_reuse: self.issuer.policy().on_reuse,
            revoked_until,
            origin: &request.origin,
            now,
            reuse: &self.reuse(claims.subject, claims.session, &request.origin, now),
        })?;
        let (grantee, session, refresh, issued_at) = match rotated {
            Rotated::Done { grantee, session } => (grantee, session, successor, now),
            Rotated::Repeated { grantee, session, successor, rotated_at } => {
                (grantee, session, successor, rotated_at)
            }
            Rotated::Conflict => return Err(RefreshError::Conflict),
            Rotated::Refused => return Err(RefreshError::Invalid),
            Rotated::Reused { ended } => {
                self.issuer.revoke(ended, revoked_until);
                return Err(RefreshError::Reused);
            }
        };
        let role = &grantee.account.role;
        let session = self
            .issuer
            .still_living(&session, role, claims.issued_at, now)
            .ok_or(RefreshError::Invalid)?;
        Ok(self.issuer.grant(grantee, session, refresh, issued_at, now, &*self.random))
    }

    fn reuse(
        &self,
        subject: AccountId,
        session: SessionId,
        origin: &Origin,
        now: Timestamp,
    ) -> SecurityEvent {
        let kind = EventKind::RefreshTokenReuse;
        SecurityEvent::new(kind, Outcome::SessionsEnded, origin, now, &*self.random)
            .about(subject)
            .in_session(session)
    }
}
