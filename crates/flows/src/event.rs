//! Security events: what happened, to whom, from where, with what outcome.
//!
//! An event is written in the transaction of what it describes, so that neither exists without the
//! other. No event carries a password, a token or any other secret.

use std::net::IpAddr;

use portcullis_domain::{AccountId, EventId, SecureRandom, SessionId, Timestamp};

/// One entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// Sorts by time.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The account concerned, when it is known.
    pub subject: Option<AccountId>,
    /// The session concerned, when there is one.
    pub session: Option<SessionId>,
    /// Where the request came from.
    pub origin: Origin,
    /// How it ended.
    pub outcome: Outcome,
}

impl SecurityEvent {
    /// A new event of `kind` at `now`, not yet about anybody.
    pub fn new(
        kind: EventKind,
        outcome: Outcome,
        origin: &Origin,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> Self {
        Self {
            id: EventId::generate(now, random),
            at: now,
            kind,
            subject: None,
            session: None,
            origin: origin.clone(),
            outcome,
        }
    }

    /// Names the account it is about.
    #[must_use]
    pub fn about(self, subject: AccountId) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Names the session it is about.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }
}

/// The closed vocabulary of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Somebody created an account for themselves.
    Registration,
    /// An operator created or imported an account.
    AccountCreated,
    /// The first administrator came to be.
    Bootstrap,
    /// Somebody tried to sign in.
    SignIn,
    /// A session was ended by its owner.
    SignOut,
    /// All sessions of an account were ended by its owner.
    SignOutAll,
    /// A session was ended because the account opened too many.
    SessionDisplaced,
    /// An operator made the failures of an account forgotten.
    Unlock,
    /// Somebody tried to change a password.
    PasswordChange,
    /// A refresh token that had already been rotated was presented again.
    RefreshTokenReuse,
}

impl EventKind {
    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::AccountCreated => "account_created",
            Self::Bootstrap => "bootstrap",
            Self::SignIn => "sign_in",
            Self::SignOut => "sign_out",
            Self::SignOutAll => "sign_out_all",
            Self::SessionDisplaced => "session_displaced",
            Self::Unlock => "unlock",
            Self::PasswordChange => "password_change",
            Self::RefreshTokenReuse => "refresh_token_reuse",
        }
    }
}

/// How an event ended; the reason of a refusal is for auditors, never for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Success,
    /// Nobody has that name.
    UnknownAccount,
    /// The password is not theirs.
    WrongPassword,
    /// Too many failures; the password was not looked at.
    Locked,
    /// The account is deactivated.
    Deactivated,
    /// The account was deactivated, or its password changed, while the password was being checked.
    Superseded,
    /// It was refused and every session of the account was ended.
    SessionsEnded,
}

impl Outcome {
    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::UnknownAccount => "unknown_account",
            Self::WrongPassword => "wrong_password",
            Self::Locked => "locked",
            Self::Deactivated => "deactivated",
            Self::Superseded => "superseded",
            Self::SessionsEnded => "sessions_ended",
        }
    }
}

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, behind any trusted proxies.
    pub address: IpAddr,
    /// What the client calls itself, at most 256 characters.
    pub user_agent: Option<String>,
}
