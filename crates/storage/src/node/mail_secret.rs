//! `MailSecretStore`: digests of the secrets that were sent by mail, table `mail_secrets`.
//!
//! A subject has one secret for each purpose: a new one takes its place. Each alert is a subject of its own. A secret is valid while its row
//! exists and has not expired, and it is spent by the deletion of the row, so of concurrent uses one
//! succeeds. A port method that changes more calls [`redeem`] in its own transaction.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Email, MessageId};
use portcullis_flows::StoreError;
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::{MailSecret, MailSecretStore, NewSecret};
use portcullis_token::Digest;

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::node::outbox::WaitingResetLinks;
use crate::schema::mail_secrets;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl MailSecretStore for Store {
    fn find_mail_secret(
        &self,
        purpose: SecretPurpose,
        digest: &Digest,
    ) -> Result<Option<MailSecret>, StoreError> {
        self.read(|connection| find(connection, purpose, digest))
    }

    fn redeem_mail_secret(
        &self,
        purpose: SecretPurpose,
        digest: &Digest,
    ) -> Result<Option<MailSecret>, StoreError> {
        self.write(|connection| redeem(connection, purpose, digest))
    }

    fn revoke_mail_secrets(&self, subject: SecretSubject) -> Result<u64, StoreError> {
        self.write(|connection| revoke(connection, subject))
    }
}

/// Stores a secret in place of an earlier one of the same purpose and subject.
pub(crate) fn replace(
    connection: &mut Connection,
    secret: &NewSecret,
    address: &Email,
    message: MessageId,
) -> Result<(), Failure> {
    let now = connection.now()?;
    let digest = secret.digest.as_bytes().as_slice();
    let account = match secret.subject {
        SecretSubject::Message { account, .. } => Some(account),
        SecretSubject::Account(_)
        | SecretSubject::Registration(_)
        | SecretSubject::EmailChange(_)
        | SecretSubject::Invitation(_) => None,
    };
    let values = (
        mail_secrets::digest.eq(digest),
        mail_secrets::account_id.eq(account.map(Key::from)),
        mail_secrets::address.eq(address.as_str()),
        mail_secrets::message_id.eq(Key::from(message)),
        mail_secrets::minted_at.eq(Instant::from(now)),
        mail_secrets::expires_at.eq(Instant::from(now + secret.lifetime)),
    );
    let insert = diesel::insert_into(mail_secrets::table)
        .values((
            mail_secrets::purpose.eq(secret.purpose.as_str()),
            mail_secrets::subject_id.eq(key(secret.subject)),
            values,
        ))
        .on_conflict((mail_secrets::purpose, mail_secrets::subject_id))
        .do_update()
        .set(values);
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// The secret of this digest and purpose, before its expiry.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_valid<'a>(digest: &'a [u8], purpose: &'a str, now: Instant) -> _ {
    mail_secrets::digest
        .eq(digest)
        .and(mail_secrets::purpose.eq(purpose))
        .and(mail_secrets::expires_at.gt(now))
}

/// Returns a valid secret, and leaves it valid.
pub(crate) fn find(
    connection: &mut Connection,
    purpose: SecretPurpose,
    digest: &Digest,
) -> Result<Option<MailSecret>, Failure> {
    let now = Instant::from(connection.now()?);
    let query = mail_secrets::table
        .filter(is_valid(digest.as_bytes(), purpose.as_str(), now))
        .select((mail_secrets::subject_id, mail_secrets::account_id, mail_secrets::address));
    let found: Option<SecretRow> = dispatch!(connection, inner => query.first(inner).optional())?;
    found.map(|row| secret(purpose, row)).transpose()
}

/// Returns a valid secret, and locks it until the transaction ends: nothing replaces or spends it
/// meanwhile. For a transaction that has further conditions, and calls [`redeem`] after them.
pub(crate) fn hold(
    connection: &mut Connection,
    purpose: SecretPurpose,
    digest: &Digest,
) -> Result<Option<MailSecret>, Failure> {
    let now = Instant::from(connection.now()?);
    let query = mail_secrets::table
        .filter(is_valid(digest.as_bytes(), purpose.as_str(), now))
        .select((mail_secrets::subject_id, mail_secrets::account_id, mail_secrets::address));
    let found: Option<SecretRow> = match &mut connection.inner {
        Inner::Postgres(inner) => query.for_update().first(inner).optional()?,
        Inner::Sqlite(inner) => query.first(inner).optional()?,
    };
    found.map(|row| secret(purpose, row)).transpose()
}

/// Spends a valid secret. This one statement is the whole guard.
pub(crate) fn redeem(
    connection: &mut Connection,
    purpose: SecretPurpose,
    digest: &Digest,
) -> Result<Option<MailSecret>, Failure> {
    let now = Instant::from(connection.now()?);
    let valid = mail_secrets::table.filter(is_valid(digest.as_bytes(), purpose.as_str(), now));
    let spent: Option<SecretRow> = dispatch!(connection, inner => {
        diesel::delete(valid)
            .returning((mail_secrets::subject_id, mail_secrets::account_id, mail_secrets::address))
            .get_result(inner)
            .optional()
    })?;
    spent.map(|row| secret(purpose, row)).transpose()
}

/// Makes all secrets of a subject invalid.
pub(crate) fn revoke(connection: &mut Connection, subject: SecretSubject) -> Result<u64, Failure> {
    let all = mail_secrets::table.filter(mail_secrets::subject_id.eq(key(subject)));
    let rows = dispatch!(connection, inner => diesel::delete(all).execute(inner))?;
    Ok(u64::try_from(rows).unwrap_or(u64::MAX))
}

/// Makes all secrets of an account invalid, and withdraws its reset links that wait in the outbox.
pub(crate) fn revoke_links(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    WaitingResetLinks::lock(connection, account)?.withdraw(connection)?;
    revoke(connection, SecretSubject::Account(account)).map(drop)
}

/// Deletes all secrets of an account that is deleted, those of its alerts too.
pub(crate) fn delete(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let account = Key::from(account);
    let all = mail_secrets::table
        .filter(mail_secrets::subject_id.eq(account).or(mail_secrets::account_id.eq(account)));
    dispatch!(connection, inner => diesel::delete(all).execute(inner))?;
    Ok(())
}

fn key(subject: SecretSubject) -> Key {
    match subject {
        SecretSubject::Account(account) => account.into(),
        SecretSubject::Registration(registration) => registration.into(),
        SecretSubject::EmailChange(change) => change.into(),
        SecretSubject::Invitation(invitation) => invitation.into(),
        SecretSubject::Message { message, .. } => message.into(),
    }
}

/// The subject, the account of an alert, and the address.
type SecretRow = (Key, Option<Key>, String);

fn secret(
    purpose: SecretPurpose,
    (subject, account, address): SecretRow,
) -> Result<MailSecret, Failure> {
    let corrupt = |column| Failure::Corrupt { table: "mail_secrets", column };
    let subject = match purpose {
        SecretPurpose::VerifyRegistration => SecretSubject::Registration(subject.into()),
        SecretPurpose::ConfirmNewEmail => SecretSubject::EmailChange(subject.into()),
        SecretPurpose::Invitation => SecretSubject::Invitation(subject.into()),
        _ if purpose.is_of_message() => SecretSubject::Message {
            message: subject.into(),
            account: account.ok_or(corrupt("account_id"))?.into(),
        },
        _ => SecretSubject::Account(subject.into()),
    };
    let address = Email::stored(&address).map_err(|_| corrupt("address"))?;
    Ok(MailSecret { purpose, subject, address })
}
