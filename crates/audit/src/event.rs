//! Security events: what happened, who did it, to whom, from where, with what outcome.
//!
//! An event is written in the transaction of what it describes, so that neither exists without the
//! other. No event carries a password, a token or any other secret.

use portcullis_domain::{AccountId, EventId, SecureRandom, SessionId, Timestamp};

use crate::{Actor, Details, EventKind, Origin, Outcome};

/// One security event, on its way to the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// Sorts by time.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Who did it, where the kind and the outcome do not tell; see [`SecurityEvent::actor`].
    pub acting: Option<Actor>,
    /// The account concerned, when it is known.
    pub subject: Option<AccountId>,
    /// The session concerned, when there is one.
    pub session: Option<SessionId>,
    /// Where the request came from.
    pub origin: Origin,
    /// How it ended.
    pub outcome: Outcome,
    /// What else an auditor wants to know.
    pub details: Details,
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
            acting: None,
            subject: None,
            session: None,
            origin: origin.clone(),
            outcome,
            details: Details::None,
        }
    }

    /// Names the account it is about.
    #[must_use]
    pub fn about(self, subject: AccountId) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Names who did it, where that is not the account it is about.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { acting: Some(actor), ..self }
    }

    /// Names the session it is about.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Adds what else an auditor wants to know.
    #[must_use]
    pub fn with(self, details: Details) -> Self {
        Self { details, ..self }
    }

    /// Adds how many sessions ended.
    #[must_use]
    pub fn ending(self, sessions: usize) -> Self {
        Self { details: self.details.ending(sessions), ..self }
    }

    /// Who did it: whoever is named by [`SecurityEvent::by`], or else the account it is about, where
    /// the event is something that people do to their own account and have proven to be them.
    pub fn actor(&self) -> Actor {
        let proven = match self.kind {
            EventKind::Registration | EventKind::SignIn => self.outcome == Outcome::Success,
            EventKind::SignOut
            | EventKind::SignOutAll
            | EventKind::SessionEnded
            | EventKind::OtherSessionsEnded
            | EventKind::SessionDisplaced
            | EventKind::NewDevice
            | EventKind::StepUpRequired
            | EventKind::PasswordChange
            | EventKind::PasswordRehashed => true,
            _ => false,
        };
        let own = self.subject.filter(|_| proven).map(Actor::Account);
        self.acting.or(own).unwrap_or(Actor::Nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::SystemRandom;

    fn event(kind: EventKind, outcome: Outcome) -> SecurityEvent {
        let origin = Origin { address: [192, 0, 2, 7].into(), user_agent: None, request_id: None };
        SecurityEvent::new(kind, outcome, &origin, Timestamp::from_seconds(1), &SystemRandom)
    }

    #[test]
    fn whoever_acts_on_their_own_account_is_the_actor() {
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(7));
        let actor = |kind, outcome| event(kind, outcome).about(account).actor();
        assert_eq!(actor(EventKind::SignIn, Outcome::Success), Actor::Account(account));
        assert_eq!(actor(EventKind::PasswordChange, Outcome::Locked), Actor::Account(account));
        assert_eq!(actor(EventKind::SignIn, Outcome::WrongPassword), Actor::Nobody);
        assert_eq!(actor(EventKind::RefreshTokenReuse, Outcome::SessionsEnded), Actor::Nobody);
        assert_eq!(actor(EventKind::Unlock, Outcome::Success), Actor::Nobody);
    }

    #[test]
    fn a_named_actor_stands() {
        let (account, admin) = (uuid::Uuid::from_u128(7), uuid::Uuid::from_u128(8));
        let by = Actor::Account(AccountId::from_uuid(admin));
        let event = event(EventKind::SignOut, Outcome::Success).by(by);
        assert_eq!(event.about(AccountId::from_uuid(account)).actor(), by);
    }
}
