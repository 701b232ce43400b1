//! `OutboxDirectoryStore`: pages of the outbox, and a mail that an administrator sends again.

use diesel::prelude::*;
use portcullis_domain::{AccountId, MessageId};
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::node::mail::{Mail, SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::{
    FailureClass, MailSearch, MailState, OutboxDirectoryStore, OutboxMail, ResendResult,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::node::outbox::lock_mails;
use crate::schema::{
    accounts, email_changes, invitations, mail_secrets, outbox, pending_registrations,
};
use crate::sign_in::challenge;
use crate::sql_type::{Instant, Key, natural};
use crate::store::Store;

/// True if the query finds a row.
macro_rules! finds {
    ($connection:expr, $query:expr) => {{
        let found = diesel::select(diesel::dsl::exists($query));
        dispatch!($connection, inner => found.get_result::<bool>(inner))
    }};
}

impl OutboxDirectoryStore for Store {
    fn mails(&self, search: &MailSearch) -> Result<Vec<OutboxMail>, StoreError> {
        self.read(|connection| {
            let rows: Vec<ListedRow> = dispatch!(connection, inner => {
                let mut query =
                    outbox::table.order(outbox::id.desc()).limit(search.most.into()).into_boxed();
                if let Some(before) = search.before {
                    query = query.filter(outbox::id.lt(Key::from(before)));
                }
                query = match (search.kind, search.state) {
                    (None, _) => query,
                    (Some(kind), None | Some(MailState::Delivered)) => {
                        query.filter(outbox::kind.eq(kind))
                    }
                    // Few mails have one of the other states, and many may have the kind: the expression
                    // keeps the databases from the index of kinds.
                    (Some(kind), Some(_)) => query.filter(outbox::kind.concat("").eq(kind)),
                };
                // The conditions are those of the indexes.
                query = match search.state {
                    None => query,
                    Some(MailState::Waiting) => query
                        .filter(outbox::delivered_at.is_null())
                        .filter(outbox::dead_at.is_null()),
                    Some(MailState::Dead) => query.filter(outbox::dead_at.is_not_null()),
                    Some(MailState::Delivered) => query
                        .filter(outbox::delivered_at.is_not_null())
                        .filter(outbox::recipient.ne("")),
                    Some(MailState::Void) => query.filter(outbox::recipient.eq("")),
                };
                query.select(ListedRow::as_select()).load(inner)
            })?;
            Ok(rows.into_iter().map(OutboxMail::from).collect())
        })
    }

    fn resend_mail(
        &self,
        mail: MessageId,
        effects: EffectsOf<'_, ResendResult>,
    ) -> Result<ResendResult, StoreError> {
        self.write_recorded(effects, |connection| {
            let own = outbox::table.find(Key::from(mail));
            let locked: Vec<Key> = lock_mails!(connection, own)?;
            if locked.is_empty() {
                return Ok(ResendResult::Unknown);
            }
            if is_over(connection, mail)? {
                return Ok(ResendResult::Over);
            }
            let now = Instant::from(connection.now()?);
            let is_late = outbox::dead_at.is_not_null().or(outbox::due_at.gt(now));
            let resend = diesel::update(own.filter(outbox::delivered_at.is_null()).filter(is_late))
                .set((
                    outbox::dead_at.eq(None::<Instant>),
                    outbox::attempts.eq(0),
                    outbox::due_at.eq(now),
                ));
            let changed = dispatch!(connection, inner => resend.execute(inner))?;
            let row: ListedRow = dispatch!(connection, inner => {
                own.select(ListedRow::as_select()).first(inner)
            })?;
            let mail = OutboxMail::from(row);
            Ok(match (changed, mail.state) {
                (1, _) => ResendResult::Due(mail),
                (_, MailState::Waiting) => ResendResult::Unchanged(mail),
                _ => ResendResult::Over,
            })
        })
    }

    fn queue_mails(&self, effects: &Effects) -> Result<(), StoreError> {
        self.write_with(|_| Ok(((), effects.clone())))
    }
}

/// True if the mail brings a code or a link that is over. Another attempt would send a new one: of a sign-in that
/// nobody waits for, of a request that is gone, or in place of a later link. The mail must be locked.
fn is_over(connection: &mut Connection, mail: MessageId) -> Result<bool, Failure> {
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct ListedRow {
    id: Key,
    kind: String,
    recipient: String,
    account_id: Option<Key>,
    created_at: Instant,
    due_at: Instant,
    attempts: i64,
    failure: Option<String>,
    delivered_at: Option<Instant>,
    dead_at: Option<Instant>,
}

impl From<ListedRow> for OutboxMail {
    fn from(row: ListedRow) -> Self {
        let state = match (row.delivered_at, row.dead_at) {
            _ if row.recipient.is_empty() => MailState::Void,
            (Some(_), _) => MailState::Delivered,
            (None, Some(_)) => MailState::Dead,
            (None, None) => MailState::Waiting,
        };
        Self {
            id: row.id.into(),
            kind: row.kind,
            account: row.account_id.map(Into::into),
            state,
            created_at: row.created_at.into(),
            due_at: (state == MailState::Waiting).then(|| row.due_at.into()),
            attempts: u32::try_from(natural(row.attempts)).unwrap_or(u32::MAX),
            failure: row.failure.as_deref().map(FailureClass::of),
        }
    }
}
