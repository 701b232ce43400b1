//! Change of the email address by its holder, confirmed by a mailed link.
//!
//! The current credential is required, see [`crate::sign_in::reauthentication`]. The new address gets a link, and the present address a notice. Nothing
//! about the account changes until the link is followed. The confirmed address is the one that the
//! link went to.
//!
//! An account has one change at most: a newer one replaces it, and a change of the password and a
//! deactivation end it. If the wanted address has an account, its holder gets a notice in place of
//! the link. The caller sees no difference.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, Ambient, Email, EmailChangeId, ExposeSecret, SecretString, SessionId,
};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, Message, Recipient, event_now};
use crate::identity::account_request::FieldError;
use crate::identity::mail_limit::{MailAllowance, MailLimit};
use crate::identity::password_change::PasswordChangeStore;
use crate::node::mail::Mail;
use crate::sign_in::reauthentication::{
    Reauthenticated, Reauthentication, ReauthenticationError, ReauthenticationRequest,
};

/// The port of changes of the address, in addition to that of password changes.
pub trait EmailChangeStore: PasswordChangeStore {
    /// Stores the change in place of an earlier one, unless the counter is closed at that moment,
    /// the session has ended, or the hash is no longer the checked one. If the wanted address has an
    /// account, only the earlier change ends. The effects are recorded in every case.
    fn request_email_change(
        &self,
        change: &EmailChangeProposal<'_>,
    ) -> Result<EmailChangeResult, StoreError>;

    /// Spends the link and gives the account the address that the link went to, or does neither.
    /// Every other link of the account ends.
    fn confirm_email_change(
        &self,
        link: &Digest,
        effects: EffectsOf<'_, EmailConfirmation>,
    ) -> Result<EmailConfirmation, StoreError>;
}

/// A change about to be stored.
pub struct EmailChangeProposal<'a> {
    /// Its id, the subject of its link.
    pub id: EmailChangeId,
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The wanted address.
    pub email: &'a Email,
    /// The lifetime of the change.
    pub lifetime: Duration,
    /// The verified credential, to be validated again.
    pub reauthenticated: &'a Reauthenticated,
    /// The allowance of mails to the wanted address.
    pub allowance: MailAllowance,
    /// The effects to record.
    pub effects: EffectsOf<'a, EmailChangeResult>,
}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailChangeResult {
    /// Stored.
    Stored,
    /// The wanted address has an account.
    EmailTaken(AccountId),
    /// Too many mails went to the wanted address; nothing is stored.
    Limited,
    /// Refused, with the outcome to record.
    Refused(Outcome),
    /// Refused: the calling session has ended meanwhile.
    SessionEnded,
}

/// The result of following a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailConfirmation {
    /// The account has the new address.
    Done {
        /// The account before.
        before: Box<Account>,
        /// The account now.
        after: Box<Account>,
    },
    /// Another account has the address meanwhile. The change has ended.
    EmailTaken(AccountId),
    /// The link is not valid.
    InvalidLink,
}

/// A request to change the address.
#[derive(Debug)]
pub struct EmailChangeRequest {
    /// The caller, with the current credential.
    pub caller: ReauthenticationRequest,
    /// The wanted address, as typed.
    pub email: String,
}

/// The reason why no change was stored.
#[derive(Debug, thiserror::Error)]
pub enum EmailChangeError {
    /// The current credential was not accepted.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// The calling session has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// The wanted address is malformed, or the present one.
    #[error("the email is not acceptable")]
    Invalid(FieldError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason why a link confirmed nothing.
#[derive(Debug, thiserror::Error)]
pub enum EmailConfirmationError {
    /// The link is unknown, used, expired or replaced.
    #[error("the link is not valid")]
    InvalidLink,
    /// Another account has the address meanwhile.
    #[error("the email is taken")]
    EmailTaken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The rules for changes of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmailChangePolicy {
    /// The lifetime of a change.
    pub lifetime: Duration,
    /// The limit of mails to one wanted address.
    pub mails: MailLimit,
}

/// Changes the address of an account.
pub struct EmailChange {
    store: Arc<dyn EmailChangeStore>,
    reauthentication: Reauthentication,
    policy: EmailChangePolicy,
    ambient: Ambient,
}

impl EmailChange {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn EmailChangeStore>,
        reauthentication: Reauthentication,
        policy: EmailChangePolicy,
        ambient: Ambient,
    ) -> Self {
        Self { store, reauthentication, policy, ambient }
    }

    /// Checks the wanted address, verifies the current credential, and only then stores the change and
    /// mails its link.
    pub fn request(&self, request: &EmailChangeRequest) -> Result<(), EmailChangeError> {
        let caller = &request.caller;
        let email = Email::parse(&request.email)
            .map_err(|error| EmailChangeError::Invalid(error.into()))?;
        // Before the credential: otherwise a guess during a wait would show whether it was right.
        let found = self.store.credentials_of(caller.account)?;
        if found.is_some_and(|found| found.account.email.as_str() == email.as_str()) {
            return Err(EmailChangeError::Invalid(FieldError::EmailUnchanged));
        }
        let kind = EventKind::EmailChangeRequested;
        let reauthenticated = self.reauthentication.verify(caller, kind, &Details::None)?;
        let id = EmailChangeId::generate(self.ambient.now(), &*self.ambient.random);
        let effects = |result: &EmailChangeResult| self.effects(caller, id, &email, *result);
        let result = self.store.request_email_change(&EmailChangeProposal {
            id,
            account: caller.account,
            session: caller.session,
            email: &email,
            lifetime: self.policy.lifetime,
            reauthenticated: &reauthenticated,
            allowance: MailAllowance::of(CAUSE, &email, self.policy.mails),
            effects: &effects,
        })?;
        match result {
            EmailChangeResult::Stored
            | EmailChangeResult::EmailTaken(_)
            | EmailChangeResult::Limited => Ok(()),
            EmailChangeResult::Refused(_) => Err(ReauthenticationError::WrongPassword.into()),
            EmailChangeResult::SessionEnded => Err(EmailChangeError::SessionEnded),
        }
    }

    /// Follows a link: the account gets the address that the link went to.
    pub fn confirm(
        &self,
        token: &SecretString,
        origin: &Origin,
    ) -> Result<Account, EmailConfirmationError> {
        let link = OpaqueSecret::parse(token.expose_secret())
            .map_err(|_| EmailConfirmationError::InvalidLink)?
            .digest();
        let event = |outcome| event_now(EventKind::EmailChanged, outcome, origin, &self.ambient);
        let effects = |confirmation: &EmailConfirmation| match confirmation {
            EmailConfirmation::Done { before, after } => {
                let details = Details::of_account(Some(before), after);
                let event = event(Outcome::Success).about(after.id).with(details);
                let mail = Mail::EmailChanged { address: origin.address };
                let email = before.email.clone();
                let former = Recipient::Address { email, account: Some(after.id) };
                let message = Message::about(&event, former, mail, &*self.ambient.random);
                Effects { events: vec![event], messages: vec![message] }
            }
            EmailConfirmation::EmailTaken(account) => {
                event(Outcome::EmailTaken).about(*account).into()
            }
            EmailConfirmation::InvalidLink => Effects::default(),
        };
        match self.store.confirm_email_change(&link, &effects)? {
            EmailConfirmation::Done { after, .. } => Ok(*after),
            EmailConfirmation::EmailTaken(_) => Err(EmailConfirmationError::EmailTaken),
            EmailConfirmation::InvalidLink => Err(EmailConfirmationError::InvalidLink),
        }
    }

    /// The link, or the notice to the holder of the wanted address, and in both cases the notice to
    /// the present address.
    fn effects(
        &self,
        caller: &ReauthenticationRequest,
        id: EmailChangeId,
        email: &Email,
        result: EmailChangeResult,
    ) -> Effects {
        let random = &*self.ambient.random;
        let outcome = match result {
            EmailChangeResult::Stored => Outcome::Success,
            EmailChangeResult::EmailTaken(_) => Outcome::EmailTaken,
            EmailChangeResult::Limited => Outcome::Limited,
            EmailChangeResult::Refused(outcome) => outcome,
            EmailChangeResult::SessionEnded => Outcome::Superseded,
        };
        let event = self.event(outcome, caller);
        let address = caller.origin.address;
        let to_wanted = match result {
            EmailChangeResult::Stored => {
                let email = email.clone();
                let recipient = Recipient::Address { email, account: Some(caller.account) };
                let mail = Mail::ConfirmNewEmail { change: id };
                Some(Message::about(&event, recipient, mail, random))
            }
            EmailChangeResult::EmailTaken(holder) => {
                let (recipient, mail) =
                    (Recipient::Holder(holder), Mail::RegistrationAttempt { address });
                Some(Message::about(&event, recipient, mail, random))
            }
            _ => None,
        };
        let is_accepted = matches!(
            result,
            EmailChangeResult::Stored
                | EmailChangeResult::EmailTaken(_)
                | EmailChangeResult::Limited
        );
        let to_present = is_accepted.then(|| {
            let mail = Mail::EmailChangeRequested { address };
            Message::about(&event, Recipient::Holder(caller.account), mail, random)
        });
        let messages = to_wanted.into_iter().chain(to_present).collect();
        Effects { events: vec![event], messages }
    }

    fn event(&self, outcome: Outcome, caller: &ReauthenticationRequest) -> SecurityEvent {
        let kind = EventKind::EmailChangeRequested;
        event_now(kind, outcome, &caller.origin, &self.ambient)
            .about(caller.account)
            .in_session(caller.session)
    }
}

/// The cause of these mails, for their limit.
const CAUSE: &str = "email change";
