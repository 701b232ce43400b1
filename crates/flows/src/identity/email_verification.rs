//! Verification of email addresses by mailed links, and new mails with such links.
//!
//! A link verifies the address that it went to, and only while the account has this address. It
//! ends with its use, with a newer one, and with a change of the password or of the address. A
//! request for a new link gets one answer, whether or not the address is known.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, Ambient, Email, ExposeSecret, RegistrationId, SecretString,
};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, Message, Recipient, event_now};
use crate::identity::account_request::RegistrationError;
use crate::identity::mail_limit::{MailAllowance, MailLimit};
use crate::identity::pending_registration::{NameChoice, PendingRegistrations};
use crate::node::mail::{Mail, MailText};

/// The port of verifications.
pub trait EmailVerificationStore: Send + Sync {
    /// Spends the link and marks the address of its account as verified, or does neither: the
    /// account must be active and still have the address that the link went to. Returns the account
    /// before and after.
    fn verify_email(
        &self,
        link: &Digest,
        effects: EffectsOf<'_, Option<VerifiedEmail>>,
    ) -> Result<Option<VerifiedEmail>, StoreError>;

    /// Counts a request for the address, and finds the recipient of a new link: the active account
    /// with this address, if it is not verified, or else the newest registration, whose lifetime
    /// begins again. The effects are recorded in every case.
    fn renew_link(&self, renewal: &LinkRenewal<'_>) -> Result<LinkRecipient, StoreError>;
}

/// An account before and after the verification of its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEmail {
    /// The account before.
    pub before: Account,
    /// The account now.
    pub after: Account,
}

/// A request for a new link.
pub struct LinkRenewal<'a> {
    /// The address.
    pub email: &'a Email,
    /// The lifetime of a registration.
    pub lifetime: Duration,
    /// The allowance of the request.
    pub allowance: MailAllowance,
    /// The effects to record.
    pub effects: EffectsOf<'a, LinkRecipient>,
}

/// The recipient of a new link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkRecipient {
    /// An account that is not verified.
    Account(AccountId),
    /// A registration without an account.
    Registration {
        /// Its id.
        id: RegistrationId,
        /// Its wanted name.
        username: String,
        /// Its address.
        email: Email,
    },
    /// None: the address is unknown or verified.
    Nobody,
    /// None: too many requests for the address.
    Limited,
}

/// The address that a link has verified.
#[derive(Clone, Debug)]
pub struct VerifiedAddress {
    /// The account, which the link may have created.
    pub account: Account,
}

/// The reason why a link verified nothing.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    /// The link is unknown, used, expired or replaced.
    #[error("the link is not valid")]
    InvalidLink,
    /// The link is valid, and its account cannot be created.
    #[error(transparent)]
    Account(#[from] RegistrationError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies addresses.
pub struct EmailVerification {
    store: Arc<dyn EmailVerificationStore>,
    registrations: Arc<PendingRegistrations>,
    policy: LinkPolicy,
    ambient: Ambient,
}

/// The rules for new links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkPolicy {
    /// The lifetime of a registration from the request for a new link.
    pub lifetime: Duration,
    /// The limit of requests for one address.
    pub requests: MailLimit,
}

impl EmailVerification {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn EmailVerificationStore>,
        registrations: Arc<PendingRegistrations>,
        policy: LinkPolicy,
        ambient: Ambient,
    ) -> Self {
        Self { store, registrations, policy, ambient }
    }

    /// Follows a link: creates the account of a registration, or verifies the address of an
    /// account. A choice of another name is for the first only.
    pub fn verify(
        &self,
        token: &SecretString,
        choice: Option<NameChoice>,
        origin: &Origin,
    ) -> Result<VerifiedAddress, VerificationError> {
        let link = OpaqueSecret::parse(token.expose_secret())
            .map_err(|_| VerificationError::InvalidLink)?
            .digest();
        if let Some(account) = self.registrations.confirm(&link, choice, origin)? {
            return Ok(VerifiedAddress { account });
        }
        let effects = |verified: &Option<VerifiedEmail>| {
            verified.as_ref().map_or_else(Effects::default, |VerifiedEmail { before, after }| {
                event_now(EventKind::EmailVerified, Outcome::Success, origin, &self.ambient)
                    .about(after.id)
                    .with(Details::of_account(Some(before), after))
                    .into()
            })
        };
        let verified = self.store.verify_email(&link, &effects)?;
        let VerifiedEmail { after, .. } = verified.ok_or(VerificationError::InvalidLink)?;
        Ok(VerifiedAddress { account: after })
    }

    /// Sends another link to the address, if it can verify something. The result does not depend on
    /// the address.
    pub fn resend(&self, email: &Email, origin: &Origin) -> Result<(), StoreError> {
        let kind = EventKind::VerificationRequested;
        let event = event_now(kind, Outcome::Success, origin, &self.ambient);
        let random = &*self.ambient.random;
        let effects = |recipient: &LinkRecipient| match recipient {
            LinkRecipient::Account(account) => {
                let event = event.clone().about(*account);
                Effects::with_mail(event, *account, Mail::VerifyEmail, random)
            }
            LinkRecipient::Registration { id, username, email } => {
                let username = MailText::new(username);
                let mail = Mail::VerifyRegistration { registration: *id, username };
                let recipient = Recipient::Address { email: email.clone(), account: None };
                let message = Message::about(&event, recipient, mail, random);
                Effects { events: vec![event.clone()], messages: vec![message] }
            }
            LinkRecipient::Nobody => {
                SecurityEvent { outcome: Outcome::UnknownAccount, ..event.clone() }.into()
            }
            LinkRecipient::Limited => {
                SecurityEvent { outcome: Outcome::Limited, ..event.clone() }.into()
            }
        };
        self.store.renew_link(&LinkRenewal {
            email,
            lifetime: self.policy.lifetime,
            allowance: MailAllowance::of(CAUSE, email, self.policy.requests),
            effects: &effects,
        })?;
        Ok(())
    }
}

/// The cause of these mails, for their limit.
const CAUSE: &str = "verification";
