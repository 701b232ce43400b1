//! Security events: kind, actor, subject, source, outcome and details.
//!
//! An event is written in the transaction of the change that it describes, so that neither exists
//! without the other. No event contains a password, a token or any other secret.

use portcullis_domain::{AccountId, EventId, SecureRandom, SessionId, Timestamp};

use crate::{Actor, Details, EventKind, Origin, Outcome};

/// One security event, before it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// The id, which sorts by time.
    pub id: EventId,
    /// The time of the event.
    pub at: Timestamp,
    /// The kind of the event.
    pub kind: EventKind,
    /// The acting party, if kind and outcome do not determine it; see [`SecurityEvent::actor`].
    pub acting: Option<Actor>,
    /// The account concerned, if known.
    pub subject: Option<AccountId>,
    /// The session concerned, if any.
    pub session: Option<SessionId>,
    /// The source of the request.
    pub origin: Origin,
    /// The outcome.
    pub outcome: Outcome,
    /// Further fields for auditors.
    pub details: Details,
}

impl SecurityEvent {
    /// Creates an event of `kind` at `now`, without a subject.
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

    /// Sets the account concerned.
    #[must_use]
    pub fn about(self, subject: AccountId) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Sets the acting party, if it is not the account concerned.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { acting: Some(actor), ..self }
    }

    /// Sets the session concerned.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Sets the details.
    #[must_use]
    pub fn with(self, details: Details) -> Self {
        Self { details, ..self }
    }

    /// Adds the number of sessions that ended.
    #[must_use]
    pub fn ending(self, sessions: usize) -> Self {
        Self { details: self.details.ending(sessions), ..self }
    }

    /// Returns the acting party: the one that [`SecurityEvent::by`] set, or else the account
    /// concerned, if the event is an action of an authenticated user on their own account.
    pub fn actor(&self) -> Actor {
        let proven = match self.kind {
            EventKind::Registration
            | EventKind::SignIn
            | EventKind::PasswordReset
            | EventKind::Disavowal => self.outcome == Outcome::Success,
            EventKind::SignOut
            | EventKind::SignOutAll
            | EventKind::SessionEnded
            | EventKind::OtherSessionsEnded
            | EventKind::SessionDisplaced
            | EventKind::NewDevice
            | EventKind::EmailVerified
            | EventKind::EmailChangeRequested
            | EventKind::EmailChanged
            | EventKind::StepUpRequired
            | EventKind::StepUp
            | EventKind::FactorEnrolmentStarted
            | EventKind::FactorAdded
            | EventKind::FactorRemoved
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
