//! Registrations that wait for their mailed link, for the answer that hides which accounts exist.
//!
//! A request is stored with its name and the hash of its password, and the address gets a link that
//! belongs to this request alone. A further request for the same address changes nothing about the
//! earlier ones. The account is created when a link is followed. If the address has an account
//! already, nothing is stored, and its holder gets a notice. The caller sees no difference.
//!
//! The wished name may be taken when the link is followed. The holder of the link then chooses
//! another name, with a new password: an address proves its mailbox, not the password that somebody
//! else may have chosen. The number of refused names is limited, so that a link cannot be used to
//! search for names.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, Ambient, DisplayName, Email, RegistrationId, SecretString, Timestamp,
    Username,
};
use portcullis_password::PasswordHash;
use portcullis_token::Digest;

use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::effects::{Effects, EffectsOf, Message, Recipient, event_now};
use crate::identity::account_request::{
    AccountChecker, AccountRequest, CheckedAccount, NameRules, RegistrationError,
};
use crate::identity::creation::{Creation, NewAccount};
use crate::identity::mail_limit::{MailAllowance, MailLimit};
use crate::node::mail::{Mail, MailText};

/// The port of pending registrations.
pub trait PendingRegistrationStore: Send + Sync {
    /// Counts a mail to the address. Stores the registration if the address has no account and the
    /// limit of mails is not reached, and records the effects of the result.
    fn request_registration(
        &self,
        request: &RegistrationProposal<'_>,
    ) -> Result<ProposalResult, StoreError>;

    /// The registration of a valid link, which stays valid.
    fn pending_registration(
        &self,
        link: &Digest,
    ) -> Result<Option<PendingRegistration>, StoreError>;

    /// Spends the link and creates the account, or does neither. A refused name is counted; the
    /// last permitted one, and a taken address, end the registration.
    fn confirm_registration(
        &self,
        confirmation: &RegistrationConfirmation<'_>,
    ) -> Result<ConfirmationResult, StoreError>;
}

/// A stored registration.
#[derive(Clone, Debug)]
pub struct PendingRegistration {
    /// Its id, the subject of its link.
    pub id: RegistrationId,
    /// The wanted name.
    pub username: Username,
    /// The address, which the link proves.
    pub email: Email,
    /// The display name.
    pub display_name: Option<DisplayName>,
    /// The hash of the password.
    pub password_hash: PasswordHash,
}

/// A registration about to be stored.
pub struct RegistrationProposal<'a> {
    /// The registration.
    pub registration: &'a PendingRegistration,
    /// Its lifetime.
    pub lifetime: Duration,
    /// The allowance of the mail, of whichever kind.
    pub allowance: MailAllowance,
    /// The effects to record.
    pub effects: EffectsOf<'a, ProposalResult>,
}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalResult {
    /// Stored.
    Stored,
    /// The address has an account.
    EmailTaken(AccountId),
    /// The limit of mails to the address is reached; nothing is stored.
    Limited,
}

/// A link that is followed.
pub struct RegistrationConfirmation<'a> {
    /// The digest of its secret.
    pub link: &'a Digest,
    /// The account to create; [`NewAccount::effects`] are those of its creation.
    pub new: NewAccount<'a>,
    /// The number of refused names that ends the registration.
    pub most_refused_names: u32,
    /// The effects of a refusal.
    pub refused: EffectsOf<'a, ConfirmationResult>,
}

/// The result of following a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmationResult {
    /// The link is valid; the account was created, or could not be.
    Tried(Creation),
    /// The link is not valid.
    InvalidLink,
}

/// The rules for pending registrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingRegistrationPolicy {
    /// The lifetime of a registration.
    pub lifetime: Duration,
    /// The limit of mails to one address.
    pub mails: MailLimit,
}

impl Default for PendingRegistrationPolicy {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        Self { lifetime: 24 * HOUR, mails: MailLimit::in_an_hour(5) }
    }
}

/// Another name for the account, as typed.
#[derive(Debug)]
pub struct NameChoice {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Stores registrations, and creates their accounts.
pub struct PendingRegistrations {
    store: Arc<dyn PendingRegistrationStore>,
    candidates: Arc<AccountChecker>,
    matrix: Arc<ActiveMatrix>,
    policy: PendingRegistrationPolicy,
    ambient: Ambient,
}

impl PendingRegistrations {
    /// The number of refused names that ends a registration.
    pub const MOST_REFUSED_NAMES: u32 = 10;

    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn PendingRegistrationStore>,
        candidates: Arc<AccountChecker>,
        matrix: Arc<ActiveMatrix>,
        policy: PendingRegistrationPolicy,
        ambient: Ambient,
    ) -> Self {
        Self { store, candidates, matrix, policy, ambient }
    }

    /// Stores a checked account as a registration, or informs the holder of its address.
    pub(crate) fn request(
        &self,
        checked: CheckedAccount,
        origin: &Origin,
    ) -> Result<(), RegistrationError> {
        let CheckedAccount { account, password_hash } = checked;
        let Account { username, email, display_name, .. } = account;
        let random = &*self.ambient.random;
        let id = RegistrationId::generate(self.ambient.now(), random);
        let registration = PendingRegistration { id, username, email, display_name, password_hash };
        let event =
            event_now(EventKind::RegistrationRequested, Outcome::Success, origin, &self.ambient);
        let effects = |result: &ProposalResult| match *result {
            ProposalResult::Stored => {
                let username = MailText::new(registration.username.as_str());
                let mail = Mail::VerifyRegistration { registration: id, username };
                let email = registration.email.clone();
                let recipient = Recipient::Address { email, account: None };
                let message = Message::about(&event, recipient, mail, random);
                Effects { events: vec![event.clone()], messages: vec![message] }
            }
            ProposalResult::EmailTaken(holder) => {
                let outcome = Outcome::EmailTaken;
                let event = SecurityEvent { outcome, ..event.clone() }.about(holder);
                let mail = Mail::RegistrationAttempt { address: origin.address };
                Effects::with_mail(event, holder, mail, random)
            }
            ProposalResult::Limited => {
                SecurityEvent { outcome: Outcome::Limited, ..event.clone() }.into()
            }
        };
        self.store.request_registration(&RegistrationProposal {
            registration: &registration,
            lifetime: self.policy.lifetime,
            allowance: MailAllowance::of(CAUSE, &registration.email, self.policy.mails),
            effects: &effects,
        })?;
        Ok(())
    }

    /// Creates the account of a link; `None` if it is not the valid link of a registration. All
    /// checks come before the link is spent.
    pub(crate) fn confirm(
        &self,
        link: &Digest,
        choice: Option<NameChoice>,
        origin: &Origin,
    ) -> Result<Option<Account>, RegistrationError> {
        let Some(pending) = self.store.pending_registration(link)? else { return Ok(None) };
        self.candidates.rules().mode.permit_open()?;
        let matrix = self.matrix.load();
        let role = matrix.self_registration_role.clone();
        let checked = match choice {
            None => {
                let PendingRegistration { username, email, display_name, password_hash, .. } =
                    pending;
                let account = self.candidates.account(username, email, display_name, role);
                CheckedAccount { account, password_hash }
            }
            Some(NameChoice { username, password }) => {
                let request = AccountRequest {
                    username,
                    email: pending.email.as_str().to_owned(),
                    password,
                    display_name: pending.display_name.map(|name| name.as_str().to_owned()),
                    origin: origin.clone(),
                };
                self.candidates.admit(&request, role, NameRules::Strict)?
            }
        };
        let account = Account { email_verified: true, ..checked.account };
        let event = self.candidates.event(EventKind::Registration, &account, origin);
        let refused = |result: &ConfirmationResult| match result {
            ConfirmationResult::Tried(Creation::UsernameTaken) => {
                self.refusal(Outcome::UsernameTaken, origin, account.created_at)
            }
            ConfirmationResult::Tried(Creation::EmailTaken) => {
                self.refusal(Outcome::EmailTaken, origin, account.created_at)
            }
            _ => Effects::default(),
        };
        let confirmed = self.store.confirm_registration(&RegistrationConfirmation {
            link,
            new: NewAccount {
                account: &account,
                password_hash: Some(&checked.password_hash),
                revision: matrix.revision,
                must_verify_email: false,
                effects: &event.into(),
            },
            most_refused_names: Self::MOST_REFUSED_NAMES,
            refused: &refused,
        })?;
        match confirmed {
            ConfirmationResult::InvalidLink => Ok(None),
            ConfirmationResult::Tried(creation) => {
                Result::from(creation)?;
                Ok(Some(account))
            }
        }
    }

    fn refusal(&self, outcome: Outcome, origin: &Origin, at: Timestamp) -> Effects {
        let kind = EventKind::Registration;
        SecurityEvent::new(kind, outcome, origin, at, &*self.ambient.random).into()
    }
}

/// The cause of these mails, for their limit.
const CAUSE: &str = "registration";
