//! What a successful sign-in or refresh hands out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{
    Account, Role, SecretString, SecureRandom, Session, SessionId, Timestamp, TokenId,
};
use portcullis_token::{
    AccessClaims, AuthenticationMethod, RefreshClaims, RevocationSet, TokenAuthority,
};

/// How long sessions and their tokens live.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    /// Life of an access token.
    pub access_lifetime: Duration,
    /// Life of an unused refresh token: the longest a session may lie idle.
    pub refresh_lifetime: Duration,
    /// Life of a session, which no rotation extends.
    pub absolute_lifetime: Duration,
    /// Roles whose sessions live shorter or longer than that.
    pub absolute_lifetime_by_role: BTreeMap<Role, Duration>,
    /// Sessions an account may have at once; one more ends the oldest.
    pub most_sessions: u32,
    /// Whether each refresh token works only once.
    pub rotate: bool,
    /// How long after a rotation the loser of a race may still learn the winner's result.
    pub rotation_grace: Duration,
    /// What ends when a rotated refresh token is presented again.
    pub on_reuse: OnReuse,
}

/// What ends when a rotated refresh token is presented again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReuse {
    /// Every session of the account.
    EndAllSessions,
    /// Only the session the token belongs to.
    EndThisSession,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            access_lifetime: Duration::from_secs(30 * 60),
            refresh_lifetime: 7 * DAY,
            absolute_lifetime: 30 * DAY,
            absolute_lifetime_by_role: BTreeMap::new(),
            most_sessions: 10,
            rotate: true,
            rotation_grace: Duration::from_secs(10),
            on_reuse: OnReuse::EndAllSessions,
        }
    }
}

impl SessionPolicy {
    /// When a session of this role that begins `now` ends at the latest.
    pub fn absolute_end(&self, role: &Role, now: Timestamp) -> Timestamp {
        now + *self.absolute_lifetime_by_role.get(role).unwrap_or(&self.absolute_lifetime)
    }
}

/// A session with the tokens that prove it.
#[derive(Debug)]
pub struct Grant {
    /// Whose session it is.
    pub account: Account,
    /// The session.
    pub session: Session,
    /// A fresh access token.
    pub access_token: SecretString,
    /// Until the access token expires.
    pub access_expires_in: Duration,
    /// The one live refresh token of the session.
    pub refresh_token: SecretString,
    /// Until the refresh token expires.
    pub refresh_expires_in: Duration,
}

/// Turns sessions into tokens.
#[derive(Clone)]
pub struct Issuer {
    authority: Arc<TokenAuthority>,
    revocations: Arc<RevocationSet>,
    policy: SessionPolicy,
}

impl Issuer {
    /// An issuer of tokens that `authority` signs and `revocations` can take back.
    pub fn new(
        authority: Arc<TokenAuthority>,
        revocations: Arc<RevocationSet>,
        policy: SessionPolicy,
    ) -> Self {
        Self { authority, revocations, policy }
    }

    /// The lifetimes it issues by.
    pub fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    /// The keys it signs with.
    pub fn authority(&self) -> &TokenAuthority {
        &self.authority
    }

    /// A fresh access token for the session, and its refresh token named `refresh`.
    ///
    /// The refresh token depends on nothing but its arguments and the key, so that repeating them
    /// repeats the very same token.
    pub fn grant(
        &self,
        account: Account,
        session: Session,
        refresh: TokenId,
        refresh_issued_at: Timestamp,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> Grant {
        let access_ends = (now + self.policy.access_lifetime).min(session.expires_at);
        let refresh_ends =
            (refresh_issued_at + self.policy.refresh_lifetime).min(session.expires_at);
        let access_token = self.authority.sign_access(&AccessClaims {
            subject: account.id,
            session: session.id,
            token: TokenId::generate(now, random),
            issued_at: now,
            expires_at: access_ends,
            role: account.role.clone(),
            kind: account.kind,
            authentication_methods: vec![AuthenticationMethod::Password],
            authenticated_at: session.authenticated_at,
            password_must_change: account.password_must_change,
        });
        let refresh_token = self.authority.sign_refresh(&RefreshClaims {
            subject: account.id,
            session: session.id,
            token: refresh,
            issued_at: refresh_issued_at,
            expires_at: refresh_ends,
        });
        Grant {
            account,
            session,
            access_token,
            access_expires_in: access_ends.since(now),
            refresh_token,
            refresh_expires_in: refresh_ends.since(now),
        }
    }

    /// Makes this node refuse every access token of these sessions from now on.
    pub fn revoke(&self, sessions: impl IntoIterator<Item = SessionId>, now: Timestamp) {
        self.revocations.revoke_sessions(sessions, now + self.policy.access_lifetime);
    }

    /// Access tokens issued before this are dead by themselves.
    pub fn oldest_living(&self, now: Timestamp) -> Timestamp {
        now - self.policy.access_lifetime - portcullis_token::LEEWAY
    }
}
