//! `EmailChangeStore`: changes of addresses that wait for their mailed link, table `email_changes`.
//!
//! An account has one row at most. The account is locked before its row and before the secret of a
//! link, as by a change of the password. A row names the epoch of the password of its time: with
//! another password it is void.

use diesel::Connection as _;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use portcullis_domain::{Account, AccountId, EmailChangeId};
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::identity::email_change::{
    EmailChangeProposal, EmailChangeResult, EmailChangeStore, EmailConfirmation,
};
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::MailSecret;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::{account, former_email, mail_allowance};
use crate::node::mail_secret;
use crate::schema::{accounts, email_changes, sessions};
use crate::sign_in::{reauthentication, sign_out};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

/// The purpose of the links.
const PURPOSE: SecretPurpose = SecretPurpose::ConfirmNewEmail;

impl EmailChangeStore for Store {
    fn request_email_change(
        &self,
        change: &EmailChangeProposal<'_>,
    ) -> Result<EmailChangeResult, StoreError> {
        self.write_recorded(change.effects, |connection| {
            if let Some(outcome) = reauthentication::validate(connection, change.reauthenticated)? {
                return Ok(EmailChangeResult::Refused(outcome));
            }
            if !is_live(connection, change)? {
                return Ok(EmailChangeResult::SessionEnded);
            }
            let epoch = epoch_of(connection, change.account)?;
            end_of_account(connection, change.account)?;
            if !mail_allowance::take(connection, &change.allowance)? {
                return Ok(EmailChangeResult::Limited);
            }
            let holder = account::holder_of(connection, change.email)?;
            // Another spelling of the own address is a change too.
            if let Some(holder) = holder.filter(|holder| *holder != change.account) {
                return Ok(EmailChangeResult::EmailTaken(holder));
            }
            insert(connection, change, epoch)?;
            Ok(EmailChangeResult::Stored)
        })
    }

    fn confirm_email_change(
        &self,
        link: &Digest,
        effects: EffectsOf<'_, EmailConfirmation>,
    ) -> Result<EmailConfirmation, StoreError> {
        self.write_recorded(effects, |connection| confirm(connection, link))
    }
}

fn confirm(connection: &mut Connection, link: &Digest) -> Result<EmailConfirmation, Failure> {
    let invalid = || Ok(EmailConfirmation::InvalidLink);
    let Some(secret) = mail_secret::find(connection, PURPOSE, link)? else { return invalid() };
    let SecretSubject::EmailChange(id) = secret.subject else { return invalid() };
    let Some(change) = find(connection, id)? else { return invalid() };
    let account = AccountId::from(change.account_id);
    sign_out::lock_account(connection, account)?;
    // Both may have been replaced before the lock.
    let Some(change) = find(connection, id)? else { return invalid() };
    let Some(secret) = mail_secret::hold(connection, PURPOSE, link)? else { return invalid() };
    let Some(before) = account::find(connection, account)? else { return invalid() };
    let is_of_change = change.email == secret.address.as_str();
    if !is_of_change || !is_in_force(connection, &change)? {
        return invalid();
    }
    let is_changed = set_address(connection, account, &secret)?;
    mail_secret::redeem(connection, PURPOSE, link)?;
    end_of_account(connection, account)?;
    if !is_changed {
        return Ok(EmailConfirmation::EmailTaken(account));
    }
    former_email::keep(connection, account, &before.email)?;
    mail_secret::revoke_links(connection, account)?;
    let after = Account { email: secret.address, email_verified: true, ..before.clone() };
    Ok(EmailConfirmation::Done { before: Box::new(before), after: Box::new(after) })
}

/// Returns whether the account is active and has the password of the time of the change.
fn is_in_force(connection: &mut Connection, change: &ChangeRow) -> Result<bool, Failure> {
    let account = accounts::table
        .find(change.account_id)
        .filter(accounts::is_active)
        .filter(accounts::password_epoch.eq(change.password_epoch));
    let look = diesel::select(diesel::dsl::exists(account));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// Gives the account the address; false if another account has it. The unique index decides, in a
/// transaction of its own within this one, so that its refusal undoes nothing else.
#[expect(clippy::disallowed_methods, reason = "a savepoint within the transaction of `write`")]
fn set_address(
    connection: &mut Connection,
    account: AccountId,
    secret: &MailSecret,
) -> Result<bool, Failure> {
    let now = Instant::from(connection.now()?);
    let update = diesel::update(accounts::table.find(Key::from(account))).set((
        accounts::email.eq(secret.address.as_str()),
        accounts::email_key.eq(secret.address.key()),
        accounts::email_verified.eq(true),
        accounts::updated_at.eq(now),
    ));
    let updated = dispatch!(connection, inner => inner.transaction(|inner| update.execute(inner)));
    match updated {
        Ok(rows) => Ok(rows == 1),
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Ends the change of an account that waits, with its link: before a newer one, and with a
/// deactivation. The caller holds the lock of the account.
pub(crate) fn end_of_account(
    connection: &mut Connection,
    account: AccountId,
) -> Result<(), Failure> {
    let gone = email_changes::table.filter(email_changes::account_id.eq(Key::from(account)));
    let gone = diesel::delete(gone).returning(email_changes::id);
    let ids: Vec<Key> = dispatch!(connection, inner => gone.get_results(inner))?;
    for id in ids {
        mail_secret::revoke(connection, SecretSubject::EmailChange(id.into()))?;
    }
    Ok(())
}

fn is_live(connection: &mut Connection, change: &EmailChangeProposal<'_>) -> Result<bool, Failure> {
    let now = Instant::from(connection.now()?);
    let live = sessions::table
        .find(Key::from(change.session))
        .filter(sessions::account_id.eq(Key::from(change.account)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now));
    let look = diesel::select(diesel::dsl::exists(live));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// The epoch of the password of a locked account.
fn epoch_of(connection: &mut Connection, account: AccountId) -> Result<i32, Failure> {
    let epoch = accounts::table.find(Key::from(account)).select(accounts::password_epoch);
    Ok(dispatch!(connection, inner => epoch.first(inner))?)
}

fn insert(
    connection: &mut Connection,
    change: &EmailChangeProposal<'_>,
    epoch: i32,
) -> Result<(), Failure> {
    let now = connection.now()?;
    let insert = diesel::insert_into(email_changes::table).values((
        email_changes::id.eq(Key::from(change.id)),
        email_changes::account_id.eq(Key::from(change.account)),
        email_changes::email.eq(change.email.as_str()),
        email_changes::password_epoch.eq(epoch),
        email_changes::created_at.eq(Instant::from(now)),
        email_changes::expires_at.eq(Instant::from(now + change.lifetime)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// Returns a change that has not expired.
fn find(connection: &mut Connection, id: EmailChangeId) -> Result<Option<ChangeRow>, Failure> {
    let now = Instant::from(connection.now()?);
    let query = email_changes::table.find(Key::from(id)).filter(email_changes::expires_at.gt(now));
    Ok(dispatch!(connection, inner => {
        query.select(ChangeRow::as_select()).first(inner).optional()
    })?)
}

/// A stored row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = email_changes)]
struct ChangeRow {
    account_id: Key,
    email: String,
    password_epoch: i32,
}
