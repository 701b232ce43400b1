//! A refresh token becomes its one successor (RFC 9700 section 4.14.2).
//!
//! A session knows exactly one live refresh token, so a token cannot have two successors whatever
//! happens at once.
//!
//! A lost answer is no theft. While the successor has not been used, the old token with the right
//! binding cookie gets the very same successor again, however late. A client without cookies gets it
//! within the grace; after that loss and theft cannot be told apart, and this one session ends. Once
//! the successor has been used, or with a wrong binding, the old token is reuse and ends sessions.
//!
//! Everything is judged inside the rotating transaction, by its time: a token that is too old for the
//! role that its account has by then is refused and not spent.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, Ambient, ExposeSecret, Role, SecretString, Session, SessionId, Timestamp, TokenId,
};
use portcullis_token::{Digest, LEEWAY};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::node::revocation::Revoked;
use crate::sign_in::session_tokens::{AccountSnapshot, OnReuse, SessionTokens, TokenIssuer};

/// What refreshing needs from storage.
pub trait RefreshStore: Send + Sync {
    /// Puts the successor in the place of the presented token, if that is the live token of a live
    /// session and the binding is right; else says what the presented token is. On reuse the
    /// sessions end in the same transaction.
    ///
    /// The session is locked first. The account and the time are read after that, so that a change of
    /// the account, which locks the sessions too, is either seen or dated later.
    fn rotate(&self, rotation: &Rotation<'_>) -> Result<Rotated, StoreError>;
}

/// One attempt to rotate.
pub struct Rotation<'a> {
    /// The session the presented token belongs to.
    pub session: SessionId,
    /// The presented token.
    pub presented: TokenId,
    /// What shall replace it; the presented token itself when rotation is off.
    pub successor: TokenId,
    /// Digest of the binding cookie, if one came along.
    pub binding: Option<Digest>,
    /// How long after a rotation a client without a binding may repeat it.
    pub grace: Duration,
    /// What ends on reuse.
    pub on_reuse: OnReuse,
    /// For how long the access tokens of what ends must be refused.
    pub revoked_for: Duration,
    /// Where the request came from, for the family tree.
    pub origin: &'a Origin,
    /// Answers the session as a holder of that role may go on with it at that time; `None` when the
    /// session or the presented token is too old.
    pub lives: &'a dyn Fn(&Session, &Role, Timestamp) -> Option<Session>,
    /// What is recorded, and sent to the holder of the account.
    pub effects: EffectsOf<'a, Rotated>,
}

/// What the return of a token shows that was rotated before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReuseSign {
    /// Two have the token.
    Reuse,
    /// Two have it, or an answer was lost.
    LossOrTheft,
}

impl ReuseSign {
    /// Why sessions end.
    pub const fn reason(self) -> EventKind {
        match self {
            Self::Reuse => EventKind::RefreshTokenReuse,
            Self::LossOrTheft => EventKind::RefreshTokenLate,
        }
    }

    /// Which sessions end, by this policy for what is certainly reuse.
    pub const fn ends(self, on_reuse: OnReuse) -> OnReuse {
        match self {
            Self::Reuse => on_reuse,
            Self::LossOrTheft => OnReuse::EndThisSession,
        }
    }
}

/// What became of an attempt to rotate.
#[derive(Debug)]
pub enum Rotated {
    /// The successor is now the live token.
    Done {
        /// Whose session it is.
        snapshot: AccountSnapshot,
        /// The session, as long as it may live.
        session: Session,
        /// When.
        at: Timestamp,
    },
    /// The token was exchanged before, and what it was exchanged for has not been used.
    Repeated {
        /// Whose session it is.
        snapshot: AccountSnapshot,
        /// The session, as long as it may live.
        session: Session,
        /// The live token.
        successor: TokenId,
        /// When it became so.
        rotated_at: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// A token rotated earlier came back.
    Reused {
        /// What that shows.
        sign: ReuseSign,
        /// Whose it was.
        account: AccountId,
        /// The family tree of the session.
        family: Details,
        /// When.
        at: Timestamp,
        /// What ended because of it.
        revoked: Revoked,
    },
    /// No live session, not its binding, or too old. Nothing has changed.
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
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use case.
pub struct Refresh {
    store: Arc<dyn RefreshStore>,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl Refresh {
    /// A use case over these parts.
    pub fn new(store: Arc<dyn RefreshStore>, issuer: TokenIssuer, ambient: Ambient) -> Self {
        Self { store, issuer, ambient }
    }

    /// Rotates the refresh token and issues an access token.
    pub fn refresh(&self, request: &RefreshRequest) -> Result<SessionTokens, RefreshError> {
        let now = self.ambient.now();
        let claims = self
            .issuer
            .authority()
            .verify_refresh(request.refresh_token.expose_secret(), now)
            .map_err(|_| RefreshError::Invalid)?;
        let successor = if self.issuer.policy().rotate {
            TokenId::generate(now, &*self.ambient.random)
        } else {
            claims.token
        };
        let lives = |session: &Session, role: &Role, now: Timestamp| {
            let is_fresh = now < claims.expires_at + LEEWAY;
            is_fresh.then(|| self.issuer.still_living(session, role, claims.issued_at, now))?
        };
        let effects = |rotated: &Rotated| match rotated {
            Rotated::Reused { sign, account, family, at, revoked } => {
                let (kind, outcome) = (sign.reason(), Outcome::SessionsEnded);
                let event =
                    SecurityEvent::new(kind, outcome, &request.origin, *at, &*self.ambient.random)
                        .about(claims.subject)
                        .in_session(claims.session)
                        .with(family.clone())
                        .ending(revoked.session_count());
                Effects::with_message(event, *account)
            }
            _ => Effects::default(),
        };
        let rotated = self.store.rotate(&Rotation {
            session: claims.session,
            presented: claims.token,
            successor,
            binding: request.binding.as_ref().map(|cookie| Digest::of(cookie.expose_secret())),
            grace: self.issuer.policy().rotation_grace,
            on_reuse: self.issuer.policy().on_reuse,
            revoked_for: self.issuer.revoked_for(),
            origin: &request.origin,
            lives: &lives,
            effects: &effects,
        })?;
        let (snapshot, session, refresh, issued_at, at) = match rotated {
            Rotated::Done { snapshot, session, at } => (snapshot, session, successor, at, at),
            Rotated::Repeated { snapshot, session, successor, rotated_at, at } => {
                (snapshot, session, successor, rotated_at, at)
            }
            Rotated::Refused => return Err(RefreshError::Invalid),
            Rotated::Reused { revoked, .. } => {
                self.issuer.revocations().enforce(revoked);
                return Err(RefreshError::Reused);
            }
        };
        Ok(self.issuer.issue(snapshot, session, refresh, issued_at, at, &*self.ambient.random))
    }
}
