//! Refreshes of an account as audit entries, read from the tables `refresh_tokens` and `sessions`.
//! The transaction that issues a refresh token writes its row; a separate event would cost more
//! than the refresh and add nothing.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use portcullis_audit::{Actor, EventKind, EventRecord, Filter, Outcome};
use portcullis_domain::{AccountId, EventId, SessionId, Timestamp};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{refresh_tokens, sessions};
use crate::sql_type::{Id, Instant, Key, Utc};

/// Returns the refreshes of the account that match the filter as events, newest first.
pub(super) fn of_account(
    connection: &mut Connection,
    account: AccountId,
    filter: &Filter,
    before: Option<(Timestamp, Option<EventId>)>,
    most: u32,
) -> Result<Vec<EventRecord>, Failure> {
    use refresh_tokens::{address, id, issued_at, parent_id, session_id};
    let rows: Vec<RefreshRow> = dispatch!(connection, inner => {
        let mut query = refresh_tokens::table
            .inner_join(sessions::table.on(sessions::id.eq(session_id)))
            .filter(sessions::account_id.eq(Key::from(account)))
            // A token without a parent is the first of its session and was issued at the sign-in.
            .filter(parent_id.is_not_null())
            .select(RefreshRow::as_select())
            .order((issued_at.desc(), id.desc()))
            .limit(most.into())
            .into_boxed();
        if let Some((before, None)) = before {
            query = query.filter(issued_at.le(Instant::from(before)));
        }
        if let Some((before, Some(last))) = before {
            query = query.filter(
                sql::<Bool>("(refresh_tokens.issued_at, refresh_tokens.id) < (")
                    .bind::<Utc, _>(Instant::from(before))
                    .sql(", ")
                    .bind::<Id, _>(Key::from(last))
                    .sql(")"),
            );
        }
        if let Some(from) = filter.from {
            query = query.filter(issued_at.ge(Instant::from(from)));
        }
        if let Some(until) = filter.until {
            query = query.filter(issued_at.lt(Instant::from(until)));
        }
        if let Some(wanted) = filter.address {
            query = query.filter(address.eq(wanted.to_string()));
        }
        query.load(inner)
    })?;
    Ok(rows.into_iter().map(|row| row.event(account)).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
struct RefreshRow {
    id: Key,
    session_id: Key,
    issued_at: Instant,
    address: String,
    user_agent: Option<String>,
}

impl RefreshRow {
    fn event(self, account: AccountId) -> EventRecord {
        EventRecord {
            id: EventId::from(self.id),
            at: self.issued_at.into(),
            kind: EventKind::Refresh.as_str().to_owned(),
            actor: Actor::Account(account).to_string(),
            subject: Some(account),
            session: Some(SessionId::from(self.session_id)),
            address: self.address,
            user_agent: self.user_agent,
            request_id: None,
            outcome: Outcome::Success.as_str().to_owned(),
            details: None,
        }
    }
}
