//! What a successful sign-in or refresh hands out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::EventKind;
use portcullis_domain::{Account, Role, SecretString, SecureRandom, Session, Timestamp, TokenId};
use portcullis_token::{AccessClaims, LEEWAY, RefreshClaims, TokenAuthority};

use crate::access::matrix::ActiveMatrix;
use crate::node::revocation::Revocations;

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
    /// Roles whose sessions may not lie idle for as long as a refresh token lives.
    pub idle_lifetime_by_role: BTreeMap<Role, Duration>,
    /// What holds for the most senior role of the access matrix in force, unless it is named above.
    pub most_senior: SessionLifetimes,
    /// Sessions an account may have at once; one more ends the oldest.
    pub most_sessions: u32,
    /// Whether each refresh token works only once.
    pub rotate: bool,
    /// How long after a rotation a client without a binding cookie may still learn its result.
    pub rotation_grace: Duration,
    /// What ends when a rotated refresh token is presented again.
    pub on_reuse: OnReuse,
}

/// How long sessions of one role live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// From the sign-in on, whatever happens.
    pub absolute: Duration,
    /// From one refresh to the next; never longer than a refresh token lives.
    pub idle: Duration,
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
        const HOUR: Duration = Duration::from_secs(60 * 60);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            access_lifetime: Duration::from_secs(30 * 60),
            refresh_lifetime: 7 * DAY,
            absolute_lifetime: 30 * DAY,
            absolute_lifetime_by_role: BTreeMap::new(),
            idle_lifetime_by_role: BTreeMap::new(),
            most_senior: SessionLifetimes { absolute: 12 * HOUR, idle: HOUR },
            most_sessions: 10,
            rotate: true,
            rotation_grace: Duration::from_secs(60),
            on_reuse: OnReuse::EndAllSessions,
        }
    }
}

impl SessionPolicy {
    /// How long sessions of this role live.
    pub fn lifetimes(&self, role: &Role, most_senior: &Role) -> SessionLifetimes {
        let general = if role == most_senior {
            self.most_senior
        } else {
            SessionLifetimes { absolute: self.absolute_lifetime, idle: self.refresh_lifetime }
        };
        let idle = self.idle_lifetime_by_role.get(role).unwrap_or(&general.idle);
        SessionLifetimes {
            absolute: *self.absolute_lifetime_by_role.get(role).unwrap_or(&general.absolute),
            idle: self.refresh_lifetime.min(*idle),
        }
    }
}

/// An account as it was read in the very transaction that lets tokens be issued for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSnapshot {
    /// The account.
    pub account: Account,
    /// Access tokens issued before this, in whole seconds, are void: the role has changed since.
    pub tokens_valid_from: Option<Timestamp>,
}

/// A session with the tokens that prove it.
#[derive(Debug)]
pub struct SessionTokens {
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

/// Why and when sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What ends them.
    pub reason: EventKind,
    /// When.
    pub at: Timestamp,
    /// Until when their access tokens must be refused.
    pub revoked_until: Timestamp,
}

/// Turns sessions into tokens.
#[derive(Clone)]
pub struct TokenIssuer {
    authority: Arc<TokenAuthority>,
    revocations: Arc<Revocations>,
    matrix: Arc<ActiveMatrix>,
    policy: SessionPolicy,
}

impl TokenIssuer {
    /// An issuer of tokens that `authority` signs and `revocations` can take back.
    pub fn new(
        authority: Arc<TokenAuthority>,
        revocations: Arc<Revocations>,
        matrix: Arc<ActiveMatrix>,
        policy: SessionPolicy,
    ) -> Self {
        Self { authority, revocations, matrix, policy }
    }

    /// The lifetimes it issues by.
    pub fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    /// How long sessions of this role live, by the access matrix in force.
    pub fn lifetimes(&self, role: &Role) -> SessionLifetimes {
        self.policy.lifetimes(role, &self.matrix.load().admin)
    }

    /// The keys it signs with.
    pub fn authority(&self) -> &TokenAuthority {
        &self.authority
    }

    /// The session as the present role of its account lets it live, which was perhaps given another
    /// one since; `None` when that has ended it. `last_used` is when its refresh token was issued.
    pub fn still_living(
        &self,
        session: &Session,
        role: &Role,
        last_used: Timestamp,
        now: Timestamp,
    ) -> Option<Session> {
        let lifetimes = self.lifetimes(role);
        let ends = session.expires_at.min(session.authenticated_at + lifetimes.absolute);
        let living = now < ends && now < last_used + lifetimes.idle + LEEWAY;
        living.then(|| Session { expires_at: ends, ..session.clone() })
    }

    /// A fresh access token for the session, and its refresh token named `refresh`.
    ///
    /// The refresh token depends on nothing but its arguments, the key and the lifetimes, so that
    /// repeating them repeats the very same token. The access token is issued as of the time from
    /// which tokens are valid, if that is still to come: those before it are refused, and this one
    /// must not be.
    pub fn issue(
        &self,
        snapshot: AccountSnapshot,
        session: Session,
        refresh: TokenId,
        refresh_issued_at: Timestamp,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> SessionTokens {
        let AccountSnapshot { account, tokens_valid_from } = snapshot;
        let access_ends = (now + self.policy.access_lifetime).min(session.expires_at);
        let idle = self.lifetimes(&account.role).idle;
        let refresh_ends = (refresh_issued_at + idle).min(session.expires_at);
        let access_token = self.authority.sign_access(&AccessClaims {
            subject: account.id,
            session: session.id,
            token: TokenId::generate(now, random),
            issued_at: tokens_valid_from.map_or(now, |valid_from| valid_from.max(now)),
            expires_at: access_ends,
            role: account.role.clone(),
            kind: account.kind,
            authentication_methods: session.authentication.methods.clone(),
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
        SessionTokens {
            account,
            session,
            access_token,
            access_expires_in: access_ends.since(now),
            refresh_token,
            refresh_expires_in: refresh_ends.since(now),
        }
    }

    /// Sessions that end at this time, for this reason.
    pub fn ending(&self, reason: EventKind, at: Timestamp) -> Ending {
        Ending { reason, at, revoked_until: at + self.revoked_for() }
    }

    /// How long a revocation is needed: longer than the access tokens live that were issued before, as
    /// the clocks of two nodes may differ.
    pub fn revoked_for(&self) -> Duration {
        self.policy.access_lifetime + LEEWAY
    }

    /// Says what this node refuses, and takes what it has revoked.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }
}
