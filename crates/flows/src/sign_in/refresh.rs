//! Refresh token rotation: each refresh token has one successor (RFC 9700 section 4.14.2).
//!
//! A session has exactly one live refresh token, so concurrent requests cannot give a token two
//! successors.
//!
//! A retry after a lost response is not reuse. While the successor has not been used, the old token
//! with the right binding cookie gets the same successor again, at any later time. A client without
//! cookies gets it within the grace period; after that loss and theft cannot be distinguished, and
//! this one session ends. Once the successor has been used, or with a wrong binding, the old token
//! is reuse and ends sessions.
//!
//! Everything is checked inside the rotating transaction, by its time: a token that is too old for
//! the current role of its account is refused and not used up.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, Ambient, ExposeSecret, Role, SecretString, Session, SessionId, Timestamp,
    TokenId,
};
use portcullis_token::{Digest, LEEWAY};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::node::mail::Mail;
use crate::node::revocation::Revoked;
use crate::sign_in::network_policy::NetworkAccess;
use crate::sign_in::session_tokens::{AccountSnapshot, OnReuse, SessionTokens, TokenIssuer};

/// The port of refresh.
pub trait RefreshStore: Send + Sync {
    /// Replaces the presented token by the successor, if it is the live token of a live session and
    /// the binding is right; otherwise returns the state of the presented token. On reuse the
    /// sessions end in the same transaction.
    ///
    /// The session is locked first. The account and the time are read after that, so that a change
    /// of the account, which locks the sessions too, is either visible or dated later.
    fn rotate(&self, rotation: &Rotation<'_>) -> Result<Rotated, StoreError>;
}

/// One attempt to rotate.
pub struct Rotation<'a> {
    /// The session of the presented token.
    pub session: SessionId,
    /// The presented token.
    pub presented: TokenId,
    /// Its replacement; the presented token itself if rotation is off.
    pub successor: TokenId,
    /// Digest of the binding cookie, if one was sent.
    pub binding: Option<Digest>,
    /// The grace period: how long after a rotation a client without a binding may repeat it.
    pub grace: Duration,
    /// The sessions that end on reuse.
    pub on_reuse: OnReuse,
    /// The time for which the access tokens of ended sessions must be refused.
    pub revoked_for: Duration,
    /// The source of the request, for the token family.
    pub origin: &'a Origin,
    /// Returns the session as a holder of that role may continue it at that time; `None` if the
    /// session or the presented token is too old.
    pub lives: &'a dyn Fn(&Session, &Role, Timestamp) -> Option<Session>,
    /// Returns whether the account may be used from the client address.
    pub admits: &'a dyn Fn(&Account) -> bool,
    /// The effects: events to record, and messages to the holder of the account.
    pub effects: EffectsOf<'a, Rotated>,
}

/// The meaning of a token that is presented again after its rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReuseSign {
    /// Reuse: two clients have the token.
    Reuse,
    /// Two clients have it, or a response was lost.
    LossOrTheft,
}

impl ReuseSign {
    /// The reason for which sessions end.
    pub const fn reason(self) -> EventKind {
        match self {
            Self::Reuse => EventKind::RefreshTokenReuse,
            Self::LossOrTheft => EventKind::RefreshTokenLate,
        }
    }

    /// The alert to the holder of the account.
    pub const fn mail(self, address: IpAddr) -> Mail {
        match self {
            Self::Reuse => Mail::RefreshTokenReuse { address },
            Self::LossOrTheft => Mail::RefreshTokenLate { address },
        }
    }

    /// The sessions that end, if the policy for certain reuse is `on_reuse`.
    pub const fn ends(self, on_reuse: OnReuse) -> OnReuse {
        match self {
            Self::Reuse => on_reuse,
            Self::LossOrTheft => OnReuse::EndThisSession,
        }
    }
}

/// The result of a rotation.
#[derive(Debug)]
pub enum Rotated {
    /// The successor is now the live token.
    Done {
        /// The account of the session.
        snapshot: AccountSnapshot,
        /// The session, with its expiry.
        session: Session,
        /// The time of the rotation.
        at: Timestamp,
    },
    /// The token was rotated before, and its successor has not been used.
    Repeated {
        /// The account of the session.
        snapshot: AccountSnapshot,
        /// The session, with its expiry.
        session: Session,
        /// The live token.
        successor: TokenId,
        /// The time of that rotation.
        rotated_at: Timestamp,
        /// The time of this request.
        at: Timestamp,
    },
    /// A token rotated earlier came back.
    Reused {
        /// The meaning of the reuse.
        sign: ReuseSign,
        /// The account.
        account: AccountId,
        /// The token family of the session.
        family: Details,
        /// The time of this request.
        at: Timestamp,
        /// The sessions that ended because of it.
        revoked: Revoked,
    },
    /// The token is right, and the client outside the networks of this account. Nothing has changed.
    Outside(AccountId),
    /// No live session, a wrong binding, or too old. Nothing has changed.
    Refused,
}

/// A request for a new pair of tokens.
#[derive(Debug)]
pub struct RefreshRequest {
    /// The refresh token.
    pub refresh_token: SecretString,
    /// The binding cookie, if one was sent.
    pub binding: Option<SecretString>,
    /// The source of the request.
    pub origin: Origin,
}

/// The reason why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Unknown, damaged, expired, signed out, or without its binding cookie. No other session
    /// ended.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The token had been rotated before; sessions have ended because of it.
    #[error("the refresh token had been used before")]
    Reused,
    /// The client is outside the networks of the account. The token stays valid.
    #[error("the account is not for use from this network")]
    OutsideNetworks,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refreshes a session.
pub struct Refresh {
    store: Arc<dyn RefreshStore>,
    issuer: TokenIssuer,
    networks: Arc<NetworkAccess>,
    ambient: Ambient,
}

impl Refresh {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn RefreshStore>,
        issuer: TokenIssuer,
        networks: Arc<NetworkAccess>,
        ambient: Ambient,
    ) -> Self {
        Self { store, issuer, networks, ambient }
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
        let address = request.origin.address;
        let admits = |account: &Account| self.networks.policy().admits(account, address);
        let effects = |rotated: &Rotated| match rotated {
            Rotated::Reused { sign, account, family, at, revoked } => {
                let (kind, outcome) = (sign.reason(), Outcome::SessionsEnded);
                let event =
                    SecurityEvent::new(kind, outcome, &request.origin, *at, &*self.ambient.random)
                        .about(claims.subject)
                        .in_session(claims.session)
                        .with(family.clone())
                        .ending(revoked.session_count());
                let mail = sign.mail(request.origin.address);
                Effects::with_mail(event, *account, mail, &*self.ambient.random)
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
            admits: &admits,
            effects: &effects,
        })?;
        let (snapshot, session, refresh, issued_at, at) = match rotated {
            Rotated::Done { snapshot, session, at } => (snapshot, session, successor, at, at),
            Rotated::Repeated { snapshot, session, successor, rotated_at, at } => {
                (snapshot, session, successor, rotated_at, at)
            }
            Rotated::Refused => return Err(RefreshError::Invalid),
            Rotated::Outside(account) => {
                self.networks.record_refusal(account, claims.session, &request.origin)?;
                return Err(RefreshError::OutsideNetworks);
            }
            Rotated::Reused { revoked, .. } => {
                self.issuer.revocations().enforce(revoked);
                return Err(RefreshError::Reused);
            }
        };
        Ok(self.issuer.issue(snapshot, session, refresh, issued_at, at, &*self.ambient.random))
    }
}
