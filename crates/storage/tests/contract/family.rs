//! A session and its refresh tokens: the arguments of `rotate`, with defaults.

use std::time::Duration;

use portcullis_audit::Outcome;
use portcullis_domain::{Role, Session, SessionId, SystemRandom, Timestamp, TokenId};
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::refresh::{RefreshStore, Rotated, Rotation};
use portcullis_flows::sign_in::session_tokens::OnReuse;
use portcullis_storage::Store;
use portcullis_testkit::samples;
use portcullis_token::Digest;

use crate::member::{REVOKED_FOR, SignIn, at};

pub(crate) const GRACE: Duration = Duration::from_secs(10);
pub(crate) const COOKIE: &str = "the binding cookie";

/// The check of lifetimes, which the flow passes in.
pub(crate) type SessionRule<'a> = dyn Fn(&Session, &Role, Timestamp) -> Option<Session> + 'a;

/// A presented refresh token.
#[derive(Clone)]
pub(crate) struct Presented {
    pub(crate) session: SessionId,
    pub(crate) token: TokenId,
    pub(crate) cookie: Option<&'static str>,
    pub(crate) successor: TokenId,
    pub(crate) grace: Duration,
    pub(crate) on_reuse: OnReuse,
    pub(crate) now: Timestamp,
}

impl Presented {
    pub(crate) fn new(session: SessionId, token: TokenId, now: Timestamp) -> Self {
        Self {
            session,
            token,
            cookie: None,
            successor: TokenId::generate(now, &SystemRandom),
            grace: GRACE,
            on_reuse: OnReuse::EndAllSessions,
            now,
        }
    }

    /// The first token of a session that was just opened.
    pub(crate) fn first(of: &SignIn, now: Timestamp) -> Self {
        Self::new(of.session.id, of.refresh, now)
    }

    /// The same token again, which would get another successor.
    pub(crate) fn again(&self, now: Timestamp) -> Self {
        Self { successor: TokenId::generate(now, &SystemRandom), now, ..self.clone() }
    }

    /// The token that this one was exchanged for.
    pub(crate) fn next(&self, now: Timestamp) -> Self {
        Self { token: self.successor, ..self.again(now) }
    }

    pub(crate) fn with(self, cookie: &'static str) -> Self {
        Self { cookie: Some(cookie), ..self }
    }

    pub(crate) fn rotate(&self, store: &Store) -> Rotated {
        self.rotate_if(store, &|session, _, _| Some(session.clone()))
    }

    /// As `lives` lets it live.
    pub(crate) fn rotate_if(&self, store: &Store, lives: &SessionRule<'_>) -> Rotated {
        let effects = |rotated: &Rotated| match rotated {
            Rotated::Reused { sign, account, family, at, revoked } => {
                let event = samples::event(sign.reason(), Outcome::SessionsEnded, *at)
                    .in_session(self.session)
                    .with(family.clone())
                    .ending(revoked.session_count());
                let mail = sign.mail(event.origin.address);
                Effects::with_mail(event, *account, mail, &SystemRandom)
            }
            _ => Effects::default(),
        };
        at(store, self.now)
            .rotate(&Rotation {
                session: self.session,
                presented: self.token,
                successor: self.successor,
                binding: self.cookie.map(Digest::of),
                grace: self.grace,
                on_reuse: self.on_reuse,
                revoked_for: REVOKED_FOR,
                origin: &samples::origin(),
                lives,
                admits: &|_| true,
                effects: &effects,
            })
            .unwrap()
    }

    /// Exchanges it where nothing stands in the way.
    pub(crate) fn rotated(self, store: &Store) -> Self {
        let verdict = self.rotate(store);
        assert!(matches!(verdict, Rotated::Done { .. }), "{verdict:?}");
        self
    }
}
