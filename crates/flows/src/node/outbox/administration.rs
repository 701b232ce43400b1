//! The outbox as administrators see it: its mails without their content, and a mail that is sent again.
//!
//! A mail is shown by its kind, its account and its times. Neither its content nor its address nor a secret
//! leaves the outbox this way, and of a failure only its class: the reply of a mail server may repeat the mail.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Outcome};
use portcullis_domain::{AccountId, Ambient, MessageId, Timestamp};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::Mail;
use crate::principal::Principal;

/// The port of administrators.
pub trait OutboxDirectoryStore: Send + Sync {
    /// Mails of the outbox, the newest first.
    fn mails(&self, search: &MailSearch) -> Result<Vec<OutboxMail>, StoreError>;

    /// Makes a mail due now, with all attempts, unless it is over. One conditional statement decides, and
    /// a lease that holds the mail stays: a mail that is being sent is not sent a second time.
    fn resend_mail(
        &self,
        mail: MessageId,
        effects: EffectsOf<'_, ResendResult>,
    ) -> Result<ResendResult, StoreError>;

    /// Queues the mails of these effects, and records their events.
    fn queue_mails(&self, effects: &Effects) -> Result<(), StoreError>;
}

/// A search of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSearch {
    /// The state.
    pub state: Option<MailState>,
    /// The kind, see [`Mail::known_kind`](crate::node::mail::Mail::known_kind).
    pub kind: Option<&'static str>,
    /// The end of the page before.
    pub before: Option<MessageId>,
    /// The maximum number of mails.
    pub most: u32,
}

/// The state of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It is due, will be, or is being sent.
    Waiting,
    /// The mail server has accepted it.
    Delivered,
    /// A dead letter: it is not attempted any more.
    Dead,
    /// It has no recipient: a request about an address without an account caused it.
    Void,
}

impl MailState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Dead, Self::Void];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Void => "void",
        }
    }

    /// The state of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The class of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The mail server refuses the mail for good.
    Refused,
    /// The mail server refuses the mail for now, or did not answer in time.
    Deferred,
    /// The mail server cannot be reached, or accepts no mail at all.
    Unavailable,
    /// The server cannot read the mail.
    Unreadable,
}

impl FailureClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Refused, Self::Deferred, Self::Unavailable, Self::Unreadable];

    /// The class of a stored failure, which begins as [`SendError`](super::SendError) is written.
    pub fn of(failure: &str) -> Self {
        if failure.starts_with("refused:") {
            Self::Refused
        } else if failure.starts_with("deferred:") {
            Self::Deferred
        } else if failure.starts_with("the mail server is unavailable:") {
            Self::Unavailable
        } else {
            Self::Unreadable
        }
    }

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Unavailable => "unavailable",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A mail of the outbox, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its id.
    pub id: MessageId,
    /// Its kind; one of a later version of the server may be unknown to this one.
    pub kind: String,
    /// The account of the recipient, if there is one.
    pub account: Option<AccountId>,
    /// The state.
    pub state: MailState,
    /// The time of the event that caused it.
    pub created_at: Timestamp,
    /// The next attempt; `None` unless it waits.
    pub due_at: Option<Timestamp>,
    /// The attempts so far.
    pub attempts: u32,
    /// The failure of the last failed attempt.
    pub failure: Option<FailureClass>,
}

/// A page of mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPage {
    /// The mails, the newest first.
    pub mails: Vec<OutboxMail>,
    /// The end of the page; `None` on the last one.
    pub next: Option<MessageId>,
}

/// The result of sending a mail again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResendResult {
    /// It is due now.
    Due(OutboxMail),
    /// It was due already; nothing is changed.
    Unchanged(OutboxMail),
    /// It was delivered, has no recipient, or what its code or link is for is over.
    Over,
    /// There is no such mail.
    Unknown,
}

/// The reason why a mail is not sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResendError {
    /// There is no such mail.
    #[error("there is no such mail")]
    Unknown,
    /// It was delivered, has no recipient, or what its code or link is for is over.
    #[error("the mail was delivered, or is void")]
    Over,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases of administrators for the outbox.
pub struct OutboxAdministration {
    store: Arc<dyn OutboxDirectoryStore>,
    ambient: Ambient,
}

impl OutboxAdministration {
    /// Creates the use cases from their dependencies.
    pub fn new(store: Arc<dyn OutboxDirectoryStore>, ambient: Ambient) -> Self {
        Self { store, ambient }
    }

    /// A page of the outbox.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn list(&self, search: &MailSearch) -> Result<MailPage, StoreError> {
        let one_more = MailSearch { most: search.most.saturating_add(1), ..search.clone() };
        let mut mails = self.store.mails(&one_more)?;
        let most = usize::try_from(search.most).unwrap_or(usize::MAX);
        let has_more = mails.len() > most;
        mails.truncate(most);
        let next = mails.last().map(|mail| mail.id).filter(|_| has_more);
        Ok(MailPage { mails, next })
    }

    /// The latest test mail.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn latest_test(&self) -> Result<Option<OutboxMail>, StoreError> {
        let kind = Some(Mail::Test.kind());
        let tests = MailSearch { state: None, kind, before: None, most: 1 };
        Ok(self.store.mails(&tests)?.pop())
    }

    /// Sends a test mail to the holder of this account on the way of every other mail, and records it.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn send_test(&self, principal: &Principal, account: AccountId) -> Result<(), StoreError> {
        let event =
            event_now(EventKind::MailTested, Outcome::Success, &principal.origin, &self.ambient)
                .by(principal.actor)
                .about(account);
        let random = &*self.ambient.random;
        self.store.queue_mails(&Effects::with_mail(event, account, Mail::Test, random))
    }

    /// Makes a mail due now, with all attempts, and records it. A mail that is due already stays as it is.
    ///
    /// # Errors
    ///
    /// If there is no such mail, if it is over, and if the database fails.
    pub fn resend(
        &self,
        principal: &Principal,
        mail: MessageId,
    ) -> Result<OutboxMail, ResendError> {
        let event =
            event_now(EventKind::MailResent, Outcome::Success, &principal.origin, &self.ambient)
                .by(principal.actor)
                .with(Details::Mails { messages: 1, message: Some(mail) });
        let result = self.store.resend_mail(mail, &|result| match result {
            ResendResult::Due(OutboxMail { account: Some(account), .. }) => {
                event.clone().about(*account).into()
            }
            ResendResult::Due(_) => event.clone().into(),
            ResendResult::Unchanged(_) | ResendResult::Over | ResendResult::Unknown => {
                Effects::default()
            }
        })?;
        match result {
            ResendResult::Due(mail) | ResendResult::Unchanged(mail) => Ok(mail),
            ResendResult::Over => Err(ResendError::Over),
            ResendResult::Unknown => Err(ResendError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SendError;
    use super::*;

    #[test]
    fn the_class_of_a_failure_is_that_of_its_error() {
        let text = || "550 5.1.1".to_owned();
        for (error, class) in [
            (SendError::Refused(text()), FailureClass::Refused),
            (SendError::Deferred(text()), FailureClass::Deferred),
            (SendError::Unavailable(text()), FailureClass::Unavailable),
        ] {
            assert_eq!(FailureClass::of(&error.to_string()), class, "{error}");
        }
        let unreadable = "this version of the server cannot read the message";
        assert_eq!(FailureClass::of(unreadable), FailureClass::Unreadable);
    }

    #[test]
    fn every_state_is_read_as_it_is_written() {
        for state in MailState::ALL {
            assert_eq!(MailState::of(state.as_str()), Some(state));
        }
        assert_eq!(MailState::of("lost"), None);
    }
}
