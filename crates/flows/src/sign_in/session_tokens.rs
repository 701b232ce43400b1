//! Session tokens: issues access and refresh tokens of sessions, with the lifetimes of the policy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::EventKind;
use portcullis_domain::{Account, Role, SecretString, SecureRandom, Session, Timestamp, TokenId};
use portcullis_token::{AccessClaims, LEEWAY, RefreshClaims, TokenAuthority};

use crate::access::matrix::ActiveMatrix;
use crate::node::revocation::{Enforcement, Revocations};
use crate::sign_in::factor::FactorPolicy;
use crate::sign_in::network_policy::NetworkPolicy;

/// Lifetimes of sessions and their tokens.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    /// The lifetime of an access token.
    pub access_lifetime: Duration,
    /// The lifetime of an unused refresh token: the maximum idle time of a session.
    pub refresh_lifetime: Duration,
    /// The lifetime of a session, which no rotation extends.
    pub absolute_lifetime: Duration,
    /// Roles with another lifetime of sessions.
    pub absolute_lifetime_by_role: BTreeMap<Role, Duration>,
    /// Roles whose sessions have a shorter idle time than a refresh token lives.
    pub idle_lifetime_by_role: BTreeMap<Role, Duration>,
    /// The lifetimes for the most senior role of the active matrix, unless it is listed above.
    pub most_senior: SessionLifetimes,
    /// The maximum of sessions of an account; one more ends the oldest.
    pub most_sessions: u32,
    /// True if each refresh token works only once.
    pub rotate: bool,
    /// The grace period: how long after a rotation a client without a binding cookie may still get
    /// its result.
    pub rotation_grace: Duration,
    /// The sessions that end when a rotated refresh token is presented again.
    pub on_reuse: OnReuse,
    /// True if a sign-in from a device that is new to an account is told to its holder by mail.
    pub alert_new_devices: bool,
    /// The time after which an unused device is forgotten.
    pub device_memory: Duration,
    /// The accounts that must have a second factor; their sessions can only enrol one before.
    pub factors: FactorPolicy,
    /// The networks that accounts may be used from.
    pub networks: NetworkPolicy,
}

/// Lifetimes of the sessions of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// From the sign-in on, with or without refreshes.
    pub absolute: Duration,
    /// From one refresh to the next; never longer than the lifetime of a refresh token.
    pub idle: Duration,
}

/// The sessions that end when a rotated refresh token is presented again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReuse {
    /// All sessions of the account.
    EndAllSessions,
    /// Only the session of the token.
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
            alert_new_devices: true,
            device_memory: 90 * DAY,
            factors: FactorPolicy::default(),
            networks: NetworkPolicy::default(),
        }
    }
}

impl SessionPolicy {
    /// The lifetimes of sessions of this role.
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

/// An account as read in the transaction that allows its tokens to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSnapshot {
    /// The account.
    pub account: Account,
    /// Access tokens issued before this, in whole seconds, are invalid: the role has changed since.
    pub tokens_valid_from: Option<Timestamp>,
}

/// An access token of a session.
#[derive(Debug)]
pub struct AccessToken {
    /// The session.
    pub session: Session,
    /// The token.
    pub token: SecretString,
    /// Until it expires.
    pub expires_in: Duration,
}

/// A session with its tokens.
#[derive(Debug)]
pub struct SessionTokens {
    /// The account of the session.
    pub account: Account,
    /// The session.
    pub session: Session,
    /// A new access token.
    pub access_token: SecretString,
    /// Until the access token expires.
    pub access_expires_in: Duration,
    /// The one live refresh token of the session.
    pub refresh_token: SecretString,
    /// Until the refresh token expires.
    pub refresh_expires_in: Duration,
}

/// The end of sessions: reason and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEnd {
    /// The reason.
    pub reason: EventKind,
    /// The time.
    pub at: Timestamp,
    /// The time until which their access tokens must be refused.
    pub revoked_until: Timestamp,
}

/// Issues tokens for sessions.
#[derive(Clone)]
pub struct TokenIssuer {
    authority: Arc<TokenAuthority>,
    revocations: Arc<Revocations>,
    matrix: Arc<ActiveMatrix>,
    policy: SessionPolicy,
}

impl TokenIssuer {
    /// Creates an issuer of tokens that `authority` signs and `revocations` can revoke.
    pub fn new(
        authority: Arc<TokenAuthority>,
        revocations: Arc<Revocations>,
        matrix: Arc<ActiveMatrix>,
        policy: SessionPolicy,
    ) -> Self {
        Self { authority, revocations, matrix, policy }
    }

    /// The lifetimes of this issuer.
    pub fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    /// The lifetimes of sessions of this role, by the active matrix.
    pub fn lifetimes(&self, role: &Role) -> SessionLifetimes {
        self.policy.lifetimes(role, &self.matrix.load().admin)
    }

    /// Makes revocations effective on this node.
    pub fn enforcement(&self) -> Enforcement {
        Enforcement::of_server(Arc::clone(&self.revocations), self.policy.access_lifetime)
    }

    /// The networks that accounts may be used from.
    pub const fn networks(&self) -> &NetworkPolicy {
        &self.policy.networks
    }

    /// True if an account of this role must have a second factor.
    pub fn requires_factor(&self, role: &Role) -> bool {
        self.policy.factors.requires(role, &self.matrix.load().admin)
    }

    /// The keys of this issuer.
    pub fn authority(&self) -> &TokenAuthority {
        &self.authority
    }

    /// The session with the lifetimes of the current role of its account, which may have changed
    /// since; `None` if that has ended it. `last_used` is the time at which its refresh token was
    /// issued.
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

    /// Issues a new access token for the session. If the time from which tokens are valid is still
    /// to come, the token is dated with it: earlier tokens are refused, and this one must not be.
    pub fn issue_access(
        &self,
        snapshot: &AccountSnapshot,
        session: &Session,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> AccessToken {
        let AccountSnapshot { account, tokens_valid_from } = snapshot;
        let expires_at = (now + self.policy.access_lifetime).min(session.expires_at);
        let token = self.authority.sign_access(&AccessClaims {
            subject: account.id,
            session: session.id,
            token: TokenId::generate(now, random),
            issued_at: tokens_valid_from.map_or(now, |valid_from| valid_from.max(now)),
            expires_at,
            role: account.role.clone(),
            kind: account.kind,
            assurance: session.authentication.assurance,
            authentication_methods: session.authentication.methods.clone(),
            authenticated_at: session.proven_at,
            password_must_change: account.password_must_change,
            factor_required: !account.mfa_enabled && self.requires_factor(&account.role),
            networks: self.policy.networks.of_tokens(account),
        });
        AccessToken { session: session.clone(), token, expires_in: expires_at.since(now) }
    }

    /// Issues a new access token for the session, and its refresh token with the id `refresh`.
    ///
    /// The refresh token depends only on the arguments, the key and the lifetimes, so a repeated
    /// call returns the same token.
    pub fn issue(
        &self,
        snapshot: AccountSnapshot,
        session: Session,
        refresh: TokenId,
        refresh_issued_at: Timestamp,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> SessionTokens {
        let AccessToken { token: access_token, expires_in: access_expires_in, .. } =
            self.issue_access(&snapshot, &session, now, random);
        let account = snapshot.account;
        let idle = self.lifetimes(&account.role).idle;
        let refresh_ends = (refresh_issued_at + idle).min(session.expires_at);
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
            access_expires_in,
            refresh_token,
            refresh_expires_in: refresh_ends.since(now),
        }
    }

    /// The end of sessions at this time, for this reason.
    pub fn ending(&self, reason: EventKind, at: Timestamp) -> SessionEnd {
        SessionEnd { reason, at, revoked_until: at + self.revoked_for() }
    }

    /// The time for which a revocation is needed: longer than the lifetime of earlier access
    /// tokens, as the clocks of two nodes may differ.
    pub fn revoked_for(&self) -> Duration {
        self.policy.access_lifetime + LEEWAY
    }

    /// The revocations of this node, which also take new ones.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }
}
