//! `PendingRegistrationStore`: registrations that wait for their mailed link, table
//! `pending_registrations`.
//!
//! The secret of a link is locked before anything else, so that of several requests with one link
//! each sees the result of the one before. It is spent last, after the account exists.

use diesel::prelude::*;
use portcullis_domain::{DisplayName, Email, RegistrationId, Username};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::pending_registration::{
    ConfirmationResult, PendingRegistration, PendingRegistrationStore, ProposalResult,
    RegistrationConfirmation, RegistrationProposal,
};
use portcullis_flows::identity::registration::Creation;
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_password::PasswordHash;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::{account, mail_allowance, registration};
use crate::node::mail_secret;
use crate::schema::pending_registrations;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

/// The purpose of the links.
const PURPOSE: SecretPurpose = SecretPurpose::VerifyRegistration;

impl PendingRegistrationStore for Store {
    fn request_registration(
        &self,
        request: &RegistrationProposal<'_>,
    ) -> Result<ProposalResult, StoreError> {
        self.write_recorded(request.effects, |connection| {
            if !mail_allowance::take(connection, &request.allowance)? {
                return Ok(ProposalResult::Limited);
            }
            if let Some(holder) = account::holder_of(connection, &request.registration.email)? {
                return Ok(ProposalResult::EmailTaken(holder));
            }
            insert(connection, request)?;
            Ok(ProposalResult::Stored)
        })
    }

    fn pending_registration(
        &self,
        link: &Digest,
    ) -> Result<Option<PendingRegistration>, StoreError> {
        self.read(|connection| {
            let Some(secret) = mail_secret::find(connection, PURPOSE, link)? else {
                return Ok(None);
            };
            let SecretSubject::Registration(id) = secret.subject else { return Ok(None) };
            find(connection, id)
        })
    }

    fn confirm_registration(
        &self,
        confirmation: &RegistrationConfirmation<'_>,
    ) -> Result<ConfirmationResult, StoreError> {
        self.write_with(|connection| {
            let (result, effects) = confirm(connection, confirmation)?;
            let effects = match result {
                ConfirmationResult::Tried(Creation::Done) => effects,
                refused => (confirmation.refused)(&refused),
            };
            Ok((result, effects))
        })
    }
}

fn confirm(
    connection: &mut Connection,
    confirmation: &RegistrationConfirmation<'_>,
) -> Result<(ConfirmationResult, Effects), Failure> {
    let invalid = || Ok((ConfirmationResult::InvalidLink, Effects::default()));
    let RegistrationConfirmation { link, new, .. } = confirmation;
    let Some(secret) = mail_secret::hold(connection, PURPOSE, link)? else { return invalid() };
    let SecretSubject::Registration(id) = secret.subject else { return invalid() };
    let Some(pending) = find(connection, id)? else { return invalid() };
    // The account has the address of its own registration, to which the link went.
    if pending.email != secret.address || pending.email != new.account.email {
        return invalid();
    }
    let (creation, effects) = match account::holder_of(connection, &pending.email)? {
        Some(_) => (Creation::EmailTaken, Effects::default()),
        None => registration::create(connection, new)?,
    };
    let ends = match creation {
        Creation::Done | Creation::EmailTaken => true,
        Creation::UsernameTaken => {
            count_refused_name(connection, id, confirmation.most_refused_names)?
        }
        Creation::Superseded => false,
    };
    if ends {
        end(connection, id, link)?;
    }
    Ok((ConfirmationResult::Tried(creation), effects))
}

/// Counts a refused name; returns whether it was the last permitted one.
fn count_refused_name(
    connection: &mut Connection,
    id: RegistrationId,
    most: u32,
) -> Result<bool, Failure> {
    let count = diesel::update(pending_registrations::table.find(Key::from(id)))
        .set(pending_registrations::refused_names.eq(pending_registrations::refused_names + 1))
        .returning(pending_registrations::refused_names);
    let refused: i32 = dispatch!(connection, inner => count.get_result(inner))?;
    Ok(refused.unsigned_abs() >= most)
}

/// Spends the link and deletes the registration.
fn end(connection: &mut Connection, id: RegistrationId, link: &Digest) -> Result<(), Failure> {
    mail_secret::redeem(connection, PURPOSE, link)?;
    let gone = diesel::delete(pending_registrations::table.find(Key::from(id)));
    dispatch!(connection, inner => gone.execute(inner))?;
    Ok(())
}

fn insert(connection: &mut Connection, request: &RegistrationProposal<'_>) -> Result<(), Failure> {
    let PendingRegistration { id, username, email, display_name, password_hash } =
        request.registration;
    let now = connection.now()?;
    let insert = diesel::insert_into(pending_registrations::table).values((
        pending_registrations::id.eq(Key::from(*id)),
        pending_registrations::username.eq(username.as_str()),
        pending_registrations::email.eq(email.as_str()),
        pending_registrations::email_key.eq(email.key()),
        pending_registrations::display_name.eq(display_name.as_ref().map(DisplayName::as_str)),
        pending_registrations::password_hash.eq(password_hash.as_str()),
        pending_registrations::created_at.eq(Instant::from(now)),
        pending_registrations::expires_at.eq(Instant::from(now + request.lifetime)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// Returns a registration that has not expired.
fn find(
    connection: &mut Connection,
    id: RegistrationId,
) -> Result<Option<PendingRegistration>, Failure> {
    let now = Instant::from(connection.now()?);
    let query = pending_registrations::table
        .find(Key::from(id))
        .filter(pending_registrations::expires_at.gt(now));
    let row: Option<PendingRow> = dispatch!(connection, inner => {
        query.select(PendingRow::as_select()).first(inner).optional()
    })?;
    row.map(PendingRegistration::try_from).transpose()
}

/// A stored row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = pending_registrations)]
struct PendingRow {
    id: Key,
    username: String,
    email: String,
    display_name: Option<String>,
    password_hash: String,
}

impl TryFrom<PendingRow> for PendingRegistration {
    type Error = Failure;

    fn try_from(row: PendingRow) -> Result<Self, Failure> {
        let corrupt = |column| Failure::Corrupt { table: "pending_registrations", column };
        Ok(Self {
            id: row.id.into(),
            username: Username::parse(&row.username).map_err(|_| corrupt("username"))?,
            email: Email::stored(&row.email).map_err(|_| corrupt("email"))?,
            display_name: row.display_name.as_deref().and_then(account::shown),
            password_hash: PasswordHash::parse(&row.password_hash)
                .map_err(|_| corrupt("password_hash"))?,
        })
    }
}
