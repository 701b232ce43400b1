//! `OwnDataStore`: the rows about one account, tables `accounts`, `sessions`, `outbox`, `former_emails`,
//! `invitations`, `totp_factors`, `backup_codes` and `passkeys`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::own_data::{
    BackupCodesRecord, FormerEmailRecord, MailRecord, OwnDataStore, OwnRecords, SessionRecord,
    TotpRecord,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::{account, invitation};
use crate::schema::{backup_codes, former_emails, outbox, sessions, totp_factors};
use crate::sign_in::{authentication, backup_code, device, passkey};
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
            let records = OwnRecords {
                account: found,
                former_emails: former_emails_of(connection, account)?,
                totp: totp_of(connection, account)?,
                backup_codes: backup_codes_of(connection, account)?,
                passkeys: passkey::of_account(connection, account)?,
                invitations: invitation::sent_by(connection, account)?,
                devices: device::of_account(connection, account)?,
                sessions: sessions_of(connection, account)?,
                mails: mails_of(connection, account)?,
            };
            Ok((Some(records), effects.clone()))
        })
    }
}

fn former_emails_of(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<FormerEmailRecord>, Failure> {
    let all = former_emails::table
        .filter(former_emails::account_id.eq(Key::from(account)))
        .order(former_emails::position.desc())
        .select((former_emails::email_key, former_emails::replaced_at));
    let rows: Vec<(String, Instant)> = dispatch!(connection, inner => all.load(inner))?;
    let record =
        |(email, replaced): (_, Instant)| FormerEmailRecord { email, replaced_at: replaced.into() };
    Ok(rows.into_iter().map(record).collect())
}

fn totp_of(connection: &mut Connection, account: AccountId) -> Result<Option<TotpRecord>, Failure> {
    let query = totp_factors::table
        .find(Key::from(account))
        .select((totp_factors::confirmed_at, totp_factors::last_used_at));
    let row: Option<(Instant, Option<Instant>)> =
        dispatch!(connection, inner => query.first(inner).optional())?;
    Ok(row.map(|(confirmed, used)| TotpRecord {
        confirmed_at: confirmed.into(),
        last_used_at: used.map(Timestamp::from),
    }))
}

fn backup_codes_of(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Option<BackupCodesRecord>, Failure> {
    let set = backup_codes::table.find(Key::from(account)).select((
        backup_codes::used,
        backup_codes::created_at,
        backup_codes::last_used_at,
    ));
    let row: Option<(i32, Instant, Option<Instant>)> =
        dispatch!(connection, inner => set.first(inner).optional())?;
    Ok(row.map(|(used, created, last_used)| BackupCodesRecord {
        created_at: created.into(),
        left: backup_code::left(used),
        last_used_at: last_used.map(Timestamp::from),
    }))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: Key,
    device_name: Option<String>,
    delivery: String,
    amr: String,
    acr: String,
    authenticated_at: Instant,
    proven_at: Option<Instant>,
    rotated_at: Instant,
    expires_at: Instant,
    ended_at: Option<Instant>,
    end_reason: Option<String>,
    opened_from: Option<String>,
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
    let record = |row: SessionRow| {
        Ok(SessionRecord {
            id: row.id.into(),
            device_name: row.device_name,
            delivery: row.delivery,
            authentication: authentication::read(&row.amr, &row.acr)?,
            signed_in_at: row.authenticated_at.into(),
            signed_in_from: row.opened_from,
            proven_at: row.proven_at.map(Timestamp::from),
            refreshed_at: row.rotated_at.into(),
            expires_at: row.expires_at.into(),
            ended_at: row.ended_at.map(Timestamp::from),
            end_reason: row.end_reason,
        })
    };
    rows.into_iter().map(record).collect()
}

/// The kind of the mail to a wanted address.
const CONFIRM_NEW_EMAIL: &str = "confirm_new_email";

fn mails_of(connection: &mut Connection, account: AccountId) -> Result<Vec<MailRecord>, Failure> {
    let all = outbox::table
        .filter(outbox::account_id.eq(Key::from(account)))
        // It exists only if the wanted address has no account.
        .filter(outbox::kind.ne(CONFIRM_NEW_EMAIL))
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
