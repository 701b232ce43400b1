//! The rule of a mail that is sent again, by an administrator or by an operator: it is due at once with all
//! attempts, unless its code or its link is over.

use diesel::prelude::*;
use portcullis_domain::{AccountId, MessageId};
use portcullis_flows::node::mail::{Mail, SecretPurpose, SecretSubject};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{
    accounts, email_changes, invitations, mail_secrets, outbox, pending_registrations,
};
use crate::sign_in::challenge;
use crate::sql_type::{Instant, Key};

/// True if the query finds a row.
macro_rules! finds {
    ($connection:expr, $query:expr) => {{
        let found = diesel::select(diesel::dsl::exists($query));
        dispatch!($connection, inner => found.get_result::<bool>(inner))
    }};
}

/// The columns of a mail that is due, with all attempts.
#[derive(AsChangeset)]
#[diesel(table_name = outbox, treat_none_as_null = true)]
pub(crate) struct Resend {
    dead_at: Option<Instant>,
    attempts: i64,
    due_at: Instant,
}

impl Resend {
    /// Due at this time.
    pub(crate) const fn at(now: Instant) -> Self {
        Self { dead_at: None, attempts: 0, due_at: now }
    }
}

/// True if the mail brings a code or a link that is over. Another attempt would send a new one: of a sign-in that
/// nobody waits for, of a request that is gone, or in place of a later link. The mail must be locked.
pub(crate) fn is_over(connection: &mut Connection, mail: MessageId) -> Result<bool, Failure> {
    let query = outbox::table.find(Key::from(mail)).select((
        outbox::payload,
        outbox::recipient,
        outbox::account_id,
    ));
    let (payload, recipient, account): (String, String, Option<Key>) =
        dispatch!(connection, inner => query.first(inner))?;
    // The delivery makes a mail that this version cannot read a dead letter again.
    let Ok(content) = serde_json::from_str::<Mail>(&payload) else { return Ok(false) };
    let Some(purpose) = content.purpose() else { return Ok(false) };
    let account: Option<AccountId> = account.map(Into::into);
    let now = Instant::from(connection.now()?);
    match content.subject(mail, account) {
        Some(SecretSubject::Message { message, account })
            if purpose == SecretPurpose::SignInCode =>
        {
            Ok(!challenge::awaits_code(connection, account, message)?)
        }
        // An alert stays useful. Without an account a mail has no link.
        Some(SecretSubject::Message { .. }) | None => Ok(false),
        Some(SecretSubject::Registration(id)) => {
            let waiting = pending_registrations::table
                .find(Key::from(id))
                .filter(pending_registrations::expires_at.gt(now));
            Ok(!finds!(connection, waiting)?)
        }
        Some(SecretSubject::EmailChange(id)) => {
            let waiting =
                email_changes::table.find(Key::from(id)).filter(email_changes::expires_at.gt(now));
            Ok(!finds!(connection, waiting)?)
        }
        Some(SecretSubject::Invitation(id)) => {
            let waiting =
                invitations::table.find(Key::from(id)).filter(invitations::expires_at.gt(now));
            Ok(!finds!(connection, waiting)?)
        }
        Some(SecretSubject::Account(account)) => {
            is_over_for(connection, purpose, account, mail, &recipient)
        }
    }
}

/// True if the link of an account has no use any more: the account is gone, inactive, has another address or
/// a verified one; or a later link of the same purpose was sent, which the new one would replace.
fn is_over_for(
    connection: &mut Connection,
    purpose: SecretPurpose,
    account: AccountId,
    mail: MessageId,
    recipient: &str,
) -> Result<bool, Failure> {
    let holder = accounts::table
        .find(Key::from(account))
        .filter(accounts::is_active)
        .filter(accounts::email.eq(recipient))
        .select(accounts::email_verified);
    let is_verified: Option<bool> = dispatch!(connection, inner => holder.first(inner).optional())?;
    let is_useless =
        is_verified.is_none_or(|verified| verified && purpose == SecretPurpose::VerifyEmail);
    if is_useless {
        return Ok(true);
    }
    let later = mail_secrets::table
        .find((purpose.as_str(), Key::from(account)))
        .filter(mail_secrets::message_id.gt(Key::from(mail)));
    Ok(finds!(connection, later)?)
}
