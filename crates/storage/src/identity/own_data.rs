//! `OwnDataStore`: the rows about one account, tables `accounts`, `sessions` and `outbox`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::own_data::{MailRecord, OwnDataStore, OwnRecords, SessionRecord};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::schema::{outbox, sessions};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl OwnDataStore for Store {
    fn own_data(
        &self,
        account: AccountId,
        effects: &Effects,
    ) -> Result<Option<OwnRecords>, StoreError> {
        self.write_with(|connection| {
            let Some(found) = account::find(connection, account)? else {
                return Ok((None, Effects::default()));
            };
            let sessions = sessions_of(connection, account)?;
            let mails = mails_of(connection, account)?;
            Ok((Some(OwnRecords { account: found, sessions, mails }), effects.clone()))
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: Key,
    device_name: Option<String>,
    authenticated_at: Instant,
    rotated_at: Instant,
    expires_at: Instant,
    ended_at: Option<Instant>,
    end_reason: Option<String>,
}

fn sessions_of(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<SessionRecord>, Failure> {
    let all = sessions::table
        .filter(sessions::account_id.eq(Key::from(account)))
        .order(sessions::id.desc());
    let rows: Vec<SessionRow> =
        dispatch!(connection, inner => all.select(SessionRow::as_select()).load(inner))?;
    let record = |row: SessionRow| SessionRecord {
        id: row.id.into(),
        device_name: row.device_name,
        signed_in_at: row.authenticated_at.into(),
        refreshed_at: row.rotated_at.into(),
        expires_at: row.expires_at.into(),
        ended_at: row.ended_at.map(Timestamp::from),
        end_reason: row.end_reason,
    };
    Ok(rows.into_iter().map(record).collect())
}

fn mails_of(connection: &mut Connection, account: AccountId) -> Result<Vec<MailRecord>, Failure> {
    let all = outbox::table
        .filter(outbox::account_id.eq(Key::from(account)))
        .order(outbox::id.desc())
        .select((outbox::kind, outbox::recipient, outbox::created_at, outbox::delivered_at));
    let rows: Vec<(String, String, Instant, Option<Instant>)> =
        dispatch!(connection, inner => all.load(inner))?;
    let record = |(kind, recipient, created, delivered): (_, _, Instant, Option<Instant>)| {
        let (created_at, delivered_at) = (created.into(), delivered.map(Timestamp::from));
        MailRecord { kind, recipient, created_at, delivered_at }
    };
    Ok(rows.into_iter().map(record).collect())
}
