//! `OutboxDirectoryStore`: pages of the outbox, and a mail that an administrator sends again.

use diesel::prelude::*;
use portcullis_domain::MessageId;
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::node::outbox::{
    FailureClass, MailSearch, MailState, OutboxDirectoryStore, OutboxMail, ResendResult,
};

use crate::connection::dispatch;
use crate::node::outbox::lock_mails;
use crate::node::resend::{Resend, is_over};
use crate::schema::outbox;
use crate::sql_type::{Instant, Key, natural};
use crate::store::Store;

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
            let late = own.filter(outbox::delivered_at.is_null()).filter(is_late);
            let resend = diesel::update(late).set(Resend::at(now));
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
