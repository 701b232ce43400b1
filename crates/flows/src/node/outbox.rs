//! The outbox: mails that wait to be delivered, its ports, and the use cases of operators.
//!
//! A use case puts a mail into the [`Effects`] of its transaction, so a mail exists exactly when the
//! change that it tells of is committed. [`MailDelivery`] runs on every node: it claims mails under
//! a lease, mints the secret of a mail when its delivery begins, and hands the mail to the
//! [`MailSender`]. The outbox holds no secret, and a secret whose mail is sent again is replaced.
//!
//! Every mail is delivered at least once. A second delivery is possible only if a node dies, or loses
//! the database, between the acceptance of the mail by the mail server and the mark in the outbox.

mod administration;
mod delivery;
mod retry;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Outcome};
use portcullis_domain::{Ambient, Email, MessageId, SecretString, Timestamp};
use portcullis_token::Digest;

pub use self::administration::{
    FailureClass, MailPage, MailSearch, MailState, OutboxAdministration, OutboxDirectoryStore,
    OutboxMail, ResendError, ResendResult,
};
pub use self::delivery::{DeliveryCounts, DeliverySettings, MailDelivery, SecretLifetimes};
pub use self::retry::LONGEST_DELAY;
pub use self::watch::OutboxWatch;
use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::{Mail, SecretPurpose, SecretSubject};
use crate::principal::Principal;

/// The port of deliveries.
pub trait OutboxStore: Send + Sync {
    /// Takes the lease of due messages that nobody holds, the longest due first.
    fn claim_messages(&self, claim: &MessageClaim) -> Result<Vec<ClaimedMessage>, StoreError>;

    /// Begins an attempt: renews the lease, counts the attempt, and stores the digest of the secret
    /// in place of an earlier one of the same purpose and subject. Returns false if the mail must not
    /// be sent: without any change if the lease is lost, and without the mail, which is removed, if it
    /// would bring the code of a sign-in that no code can complete any more.
    fn begin_attempt(&self, attempt: &Attempt<'_>) -> Result<bool, StoreError>;

    /// Ends the attempt and the lease. Returns false, without any change, if the lease is lost.
    fn end_attempt(
        &self,
        message: MessageId,
        lease: &Lease,
        result: &AttemptResult,
    ) -> Result<bool, StoreError>;

    /// Ends the lease of those of these messages that it still holds, without an attempt.
    fn release_messages(&self, lease: &Lease, messages: &[MessageId]) -> Result<(), StoreError>;

    /// The present state of the outbox.
    fn outbox_state(&self) -> Result<OutboxState, StoreError>;
}

/// The port of operators.
pub trait DeadLetterStore: Send + Sync {
    /// Dead letters, the latest first, at most `most`.
    fn dead_letters(&self, most: u32) -> Result<Vec<DeadLetter>, StoreError>;

    /// Makes one dead letter, or the next ones of all in the order of their ids, due at once with all
    /// attempts, and records the effects. A mail stays a dead letter if its code or its link is over, by
    /// the rule of [`OutboxDirectoryStore::resend_mail`].
    fn resend(
        &self,
        which: DeadLetters,
        effects: EffectsOf<'_, ResentLetters>,
    ) -> Result<ResentLetters, StoreError>;
}

/// The port of secrets that were sent by mail.
///
/// A use case that changes more than the secret redeems it inside its own port method, in one
/// transaction with the change, by the same statement.
pub trait MailSecretStore: Send + Sync {
    /// Returns the secret if it is valid, and leaves it valid: for the checks that come before it is
    /// spent.
    fn find_mail_secret(
        &self,
        purpose: SecretPurpose,
        digest: &Digest,
    ) -> Result<Option<MailSecret>, StoreError>;

    /// Spends the secret if it is valid. Of any number of concurrent calls, one gets it.
    fn redeem_mail_secret(
        &self,
        purpose: SecretPurpose,
        digest: &Digest,
    ) -> Result<Option<MailSecret>, StoreError>;

    /// Makes every secret of an account, or of an invitation, invalid. Returns their number.
    fn revoke_mail_secrets(&self, subject: SecretSubject) -> Result<u64, StoreError>;
}

/// A valid secret that was sent by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSecret {
    /// Its purpose.
    pub purpose: SecretPurpose,
    /// The account, the registration, the change or the invitation.
    pub subject: SecretSubject,
    /// The address to which it was sent: the address that its use proves.
    pub address: Email,
}

/// The random id of one claim; its holder delivers the messages.
pub type Lease = [u8; 16];

/// The longest lease. One that ends later comes from a wrong clock.
pub const LONGEST_LEASE: Duration = Duration::from_secs(600);

/// A request for messages to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageClaim {
    /// The id of the claim.
    pub lease: Lease,
    /// The duration of the lease.
    pub hold: Duration,
    /// The maximum number of messages.
    pub most: u32,
}

/// A message under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// Its id.
    pub id: MessageId,
    /// The address of the recipient.
    pub recipient: Email,
    /// The user name of the account, if there is one.
    pub username: Option<String>,
    /// The time of the event.
    pub at: Timestamp,
    /// The mail.
    pub mail: Mail,
    /// The subject of its secret, if it has one.
    pub subject: Option<SecretSubject>,
    /// The number of attempts before this one.
    pub attempts: u32,
}

/// The begin of an attempt.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The message.
    pub message: &'a ClaimedMessage,
    /// The lease that holds it.
    pub lease: &'a Lease,
    /// The duration of the renewed lease.
    pub hold: Duration,
    /// The secret of the mail, if it has one.
    pub secret: Option<NewSecret>,
}

/// A new secret, without its text.
#[derive(Clone, Copy, Debug)]
pub struct NewSecret {
    /// Its purpose.
    pub purpose: SecretPurpose,
    /// Its subject.
    pub subject: SecretSubject,
    /// Its digest.
    pub digest: Digest,
    /// Its lifetime.
    pub lifetime: Duration,
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The mail server has accepted the mail.
    Delivered,
    /// The mail is due again after this time.
    Retry {
        /// The delay.
        after: Duration,
        /// The reason.
        failure: String,
    },
    /// No further attempt.
    Dead {
        /// The reason.
        failure: String,
    },
}

/// A mail to send.
#[derive(Clone, Debug)]
pub struct OutgoingMail<'a> {
    /// The message.
    pub message: &'a ClaimedMessage,
    /// The secret for the link, with its lifetime, if the mail has one.
    pub secret: Option<(&'a SecretString, Duration)>,
    /// The present time.
    pub now: Timestamp,
}

/// Sends mails: the port to the mail server. A call blocks until the server has answered, for a
/// limited time.
pub trait MailSender: Send + Sync {
    /// Sends one mail.
    fn send(&self, mail: &OutgoingMail<'_>) -> Result<(), SendError>;
}

/// The reason why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The mail server refuses this mail for good.
    #[error("refused: {0}")]
    Refused(String),
    /// The mail server refuses this mail for now, or did not answer in time.
    #[error("deferred: {0}")]
    Deferred(String),
    /// The mail server cannot be reached, or accepts no mail at all.
    #[error("the mail server is unavailable: {0}")]
    Unavailable(String),
}

/// The state of the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxState {
    /// The number of messages that wait, without dead letters.
    pub waiting: u64,
    /// The age of the oldest of them.
    pub oldest: Duration,
    /// The number of dead letters.
    pub dead: u64,
}

/// A message that is not attempted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: MessageId,
    /// The kind of the mail.
    pub kind: String,
    /// The address of the recipient.
    pub recipient: String,
    /// The time of the event.
    pub created_at: Timestamp,
    /// The time of the last attempt.
    pub dead_at: Timestamp,
    /// The number of attempts.
    pub attempts: u32,
    /// The failure of the last attempt.
    pub failure: String,
}

/// The dead letters to send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetters {
    /// One.
    One(MessageId),
    /// All after this one.
    All {
        /// `None` from the first on.
        after: Option<MessageId>,
    },
}

impl DeadLetters {
    /// All.
    pub const ALL: Self = Self::All { after: None };
}

/// The result of sending dead letters again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResentLetters {
    /// The number of mails that are due again.
    pub due: u64,
    /// The number of mails that stay dead letters, because their codes or links are over.
    pub over: u64,
    /// The last of them; `None` if there were none.
    pub last: Option<MessageId>,
}

/// The use cases of operators for dead letters.
pub struct DeadLetterAdministration {
    store: Arc<dyn DeadLetterStore>,
    ambient: Ambient,
}

impl DeadLetterAdministration {
    /// Creates the use cases from their dependencies.
    pub fn new(store: Arc<dyn DeadLetterStore>, ambient: Ambient) -> Self {
        Self { store, ambient }
    }

    /// The latest dead letters, at most `most`.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn list(&self, most: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.store.dead_letters(most)
    }

    /// Sends dead letters again: those whose codes and links are not over are due at once, with all
    /// attempts. Records their number.
    ///
    /// # Errors
    ///
    /// If the database fails. Mails that were made due before stay due.
    pub fn resend(
        &self,
        operator: &Principal,
        which: DeadLetters,
    ) -> Result<ResentLetters, StoreError> {
        let (kind, outcome) = (EventKind::MailResent, Outcome::Success);
        let event = event_now(kind, outcome, &operator.origin, &self.ambient).by(operator.actor);
        let effects = |resent: &ResentLetters| {
            let details = Details::Mails { messages: resent.due, message: None };
            Effects::from(event.clone().with(details)).only_if(resent.due > 0)
        };
        let mut resent = self.store.resend(which, &effects)?;
        while let (DeadLetters::All { .. }, Some(_)) = (which, resent.last) {
            let next = self.store.resend(DeadLetters::All { after: resent.last }, &effects)?;
            let (due, over) = (resent.due + next.due, resent.over + next.over);
            resent = ResentLetters { due, over, last: next.last };
        }
        Ok(resent)
    }
}
