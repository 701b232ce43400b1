//! Own data: a copy of everything that the server stores about an account, for its holder.
//!
//! It holds the account, its addresses, its factors, its sessions, its mails, the invitations that it
//! sent, and its entries of the audit log. The address and the user agent of another person who acted
//! on the account are left out: they are data of that person. So is everything that would tell whether a
//! wanted address has an account, and the reasons of decisions, which are for auditors.

use std::sync::Arc;

use portcullis_audit::{Actor, Details, Entry, EventKind, Filter, Outcome};
use portcullis_domain::{Account, AccountId, Ambient, Authentication, SessionId, Timestamp};

use crate::StoreError;
use crate::audit::trail::{AuditLog, AuditLogError};
use crate::effects::{Effects, event_now};
use crate::identity::invitation::Invitation;
use crate::principal::Principal;
use crate::sign_in::device::DeviceRecord;
use crate::sign_in::passkey::PasskeyRecord;

/// The port of own data.
pub trait OwnDataStore: Send + Sync {
    /// The rows about the account, and records the effects if it exists.
    fn own_data(
        &self,
        account: AccountId,
        effects: &Effects,
    ) -> Result<Option<OwnRecords>, StoreError>;
}

/// The rows about an account, without the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRecords {
    /// The account.
    pub account: Account,
    /// Its former addresses, the latest first.
    pub former_emails: Vec<FormerEmailRecord>,
    /// Its authenticator app, if it has one.
    pub totp: Option<TotpRecord>,
    /// Its backup codes, if it has some.
    pub backup_codes: Option<BackupCodesRecord>,
    /// Its passkeys, the oldest first.
    pub passkeys: Vec<PasskeyRecord>,
    /// The invitations that it sent and that wait, the latest first.
    pub invitations: Vec<Invitation>,
    /// Its known devices, the latest used first.
    pub devices: Vec<DeviceRecord>,
    /// Its sessions, also those that ended, the newest first.
    pub sessions: Vec<SessionRecord>,
    /// Its mails, the newest first.
    pub mails: Vec<MailRecord>,
}

/// A former address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerEmailRecord {
    /// The address in the normal form that is unique.
    pub email: String,
    /// The time at which another one replaced it.
    pub replaced_at: Timestamp,
}

/// An authenticator app, without its seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotpRecord {
    /// The time of its confirmation.
    pub confirmed_at: Timestamp,
    /// The time of its latest use.
    pub last_used_at: Option<Timestamp>,
}

/// Backup codes, without the codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupCodesRecord {
    /// The time at which they were generated.
    pub created_at: Timestamp,
    /// The number of codes that are not used.
    pub left: u32,
    /// The time of the latest use.
    pub last_used_at: Option<Timestamp>,
}

/// A session, live or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// The name that the person gave the device.
    pub device_name: Option<String>,
    /// The delivery of its tokens: the word of a [`Delivery`](portcullis_domain::Delivery).
    pub delivery: String,
    /// The authentication methods and the assurance level.
    pub authentication: Authentication,
    /// The time of the sign-in.
    pub signed_in_at: Timestamp,
    /// The client address of the sign-in.
    pub signed_in_from: Option<String>,
    /// The time of the latest second factor in it.
    pub proven_at: Option<Timestamp>,
    /// The time of the latest refresh.
    pub refreshed_at: Timestamp,
    /// The expiry.
    pub expires_at: Timestamp,
    /// The time of its end.
    pub ended_at: Option<Timestamp>,
    /// The reason of its end: the word of an event kind.
    pub end_reason: Option<String>,
}

/// A mail of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRecord {
    /// The kind of the mail.
    pub kind: String,
    /// The address of the recipient.
    pub recipient: String,
    /// The time of the event that caused it.
    pub created_at: Timestamp,
    /// The time at which the mail server accepted it.
    pub delivered_at: Option<Timestamp>,
}

/// Copies the data of an account.
pub struct OwnData {
    store: Arc<dyn OwnDataStore>,
    trail: Arc<AuditLog>,
    ambient: Ambient,
}

/// The address of clients that the copy leaves out.
const UNSPECIFIED: &str = "::";

impl OwnData {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn OwnDataStore>, trail: Arc<AuditLog>, ambient: Ambient) -> Self {
        Self { store, trail, ambient }
    }

    /// The rows about the account of the principal; `None` if it is gone. The copy is recorded
    /// before it begins.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn records(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<Option<OwnRecords>, StoreError> {
        let (kind, outcome) = (EventKind::OwnDataExported, Outcome::Success);
        let event = event_now(kind, outcome, &principal.origin, &self.ambient)
            .about(account)
            .by(principal.actor);
        self.store.own_data(account, &event.with(Details::None).into())
    }

    /// The entries of the audit log that an account filter matches, newest first, read on demand.
    ///
    /// # Errors
    ///
    /// If the database fails, or a block of decisions is damaged.
    pub fn entries<'t>(
        &'t self,
        filter: &'t Filter,
    ) -> impl Iterator<Item = Result<Entry<'static>, AuditLogError>> + 't {
        let own = filter.subject.map(|account| Actor::Account(account).to_string());
        self.trail.entries(filter).map(move |entry| {
            let mut entry = entry?;
            let is_own = own.as_deref() == Some(&*entry.actor);
            if !is_own && entry.actor != Actor::Nobody.to_string() {
                // The circumstances of another account are data of its holder.
                (entry.address, entry.user_agent) = (UNSPECIFIED.into(), None);
                (entry.session, entry.owner) = (None, None);
                (entry.parties, entry.attributes) = (None, None);
            }
            // A wanted address that is taken, or that others have asked for, looks like any other.
            let of_address = [Outcome::EmailTaken, Outcome::Limited].map(Outcome::as_str);
            if entry.kind == EventKind::EmailChangeRequested.as_str()
                && of_address.contains(&&*entry.outcome)
            {
                entry.outcome = Outcome::Success.as_str().into();
            }
            entry.reason = None;
            Ok(entry)
        })
    }

    /// The filter of the entries about an account.
    pub fn filter(account: AccountId) -> Filter {
        Filter { subject: Some(account), ..Filter::default() }
    }
}
