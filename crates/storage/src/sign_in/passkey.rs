//! `PasskeyStore`: registration, names and removal of passkeys, table `passkeys`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, DisplayName, PasskeyId, Session, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::passkey::{
    PasskeyAdded, PasskeyAddition, PasskeyRecord, PasskeyStart, PasskeyStore, SealedPasskeys,
};
use portcullis_flows::sign_in::reauthentication::CurrentProof;
use portcullis_flows::sign_in::totp::{FactorChange, FactorRemoval};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::schema::passkeys;
use crate::sign_in::factor;
use crate::sign_in::passkey_challenge::{self, Owner};
use crate::sign_in::passkey_row::{SealedRow, count, signs_in_alone, transports};
use crate::sign_in::reauthentication;
use crate::sign_in::replacement;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl PasskeyStore for Store {
    fn start_passkey(&self, start: &PasskeyStart<'_>) -> Result<FactorChange, StoreError> {
        self.write_recorded(start.effects, |connection| {
            if let Some(outcome) = reauthentication::validate(connection, start.reauthenticated)? {
                return Ok(FactorChange::Refused(outcome));
            }
            passkey_challenge::insert(connection, &start.challenge)?;
            Ok(FactorChange::Done)
        })
    }

    fn add_passkey(&self, addition: &PasskeyAddition<'_>) -> Result<PasskeyAdded, StoreError> {
        self.write_recorded(addition.effects, |connection| add(connection, addition))
    }

    fn passkeys(&self, account: AccountId) -> Result<Vec<PasskeyRecord>, StoreError> {
        self.read(|connection| of_account(connection, account))
    }

    fn rename_passkey(
        &self,
        account: AccountId,
        passkey: PasskeyId,
        name: &DisplayName,
        effects: &Effects,
    ) -> Result<bool, StoreError> {
        self.write_with(|connection| {
            let own = passkeys::table
                .find(Key::from(passkey))
                .filter(passkeys::account_id.eq(Key::from(account)));
            let rename = diesel::update(own).set(passkeys::name.eq(name.as_str()));
            let is_renamed = dispatch!(connection, inner => rename.execute(inner))? == 1;
            Ok((is_renamed, effects.only_if(is_renamed)))
        })
    }

    fn remove_passkey(
        &self,
        passkey: PasskeyId,
        removal: &FactorRemoval<'_>,
    ) -> Result<FactorChange, StoreError> {
        self.write_recorded(removal.effects, |connection| remove(connection, passkey, removal))
    }

    fn sealed_passkeys(
        &self,
        after: Option<PasskeyId>,
        limit: u32,
    ) -> Result<SealedPasskeys, StoreError> {
        self.read(|connection| {
            let next = passkeys::table
                .filter(passkeys::id.gt(after.map(Key::from).unwrap_or_default()))
                .order(passkeys::id)
                .limit(limit.into());
            let rows: Vec<(Key, Key, SealedRow)> = dispatch!(connection, inner => {
                let columns = (passkeys::id, passkeys::account_id, SealedRow::as_select());
                next.select(columns).load(inner)
            })?;
            rows.into_iter()
                .map(|(id, account, row)| Ok((id.into(), (account.into(), row.try_into()?))))
                .collect()
        })
    }

    fn reseal_passkey(
        &self,
        passkey: PasskeyId,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let same =
                passkeys::table.find(Key::from(passkey)).filter(passkeys::sealed_key.eq(before));
            let reseal = diesel::update(same).set(passkeys::sealed_key.eq(after));
            dispatch!(connection, inner => reseal.execute(inner))?;
            Ok(())
        })
    }
}

/// The passkeys of the account, the oldest first.
pub(crate) fn of_account(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<PasskeyRecord>, Failure> {
    let own =
        passkeys::table.filter(passkeys::account_id.eq(Key::from(account))).order(passkeys::id);
    let rows: Vec<PasskeyRow> =
        dispatch!(connection, inner => own.select(PasskeyRow::as_select()).load(inner))?;
    Ok(rows.into_iter().map(PasskeyRecord::from).collect())
}

fn add(
    connection: &mut Connection,
    addition: &PasskeyAddition<'_>,
) -> Result<PasskeyAdded, Failure> {
    let PasskeyAddition { account, session, successor, passkey, .. } = *addition;
    sign_out::lock_account(connection, account)?;
    let now = connection.now()?;
    let Some(current) = replacement::lock_current(connection, account, session, now)? else {
        return Ok(PasskeyAdded::SessionEnded);
    };
    let owner = Owner::Registration(session);
    if !passkey_challenge::spend(connection, &addition.challenge, &owner)? {
        return Ok(PasskeyAdded::NoChallenge);
    }
    if count(connection, account)? >= i64::from(addition.max_passkeys) {
        return Ok(PasskeyAdded::TooMany);
    }
    let transports: Vec<&str> = passkey.transports.words().collect();
    let insert = diesel::insert_into(passkeys::table)
        .values((
            passkeys::id.eq(Key::from(addition.id)),
            passkeys::account_id.eq(Key::from(account)),
            passkeys::credential_id.eq(passkey.id.as_bytes()),
            passkeys::sealed_key.eq(addition.sealed),
            passkeys::counter.eq(i64::from(passkey.counter)),
            passkeys::model.eq(passkey.aaguid.to_string()),
            passkeys::transports.eq(transports.join(" ")),
            passkeys::is_user_verified.eq(passkey.is_user_verified),
            passkeys::is_discoverable.eq(passkey.is_discoverable != Some(false)),
            passkeys::is_backed_up.eq(passkey.is_backed_up),
            passkeys::name.eq(addition.name.as_str()),
            passkeys::created_at.eq(Instant::from(now)),
            passkeys::last_used_at.eq(None::<Instant>),
        ))
        .on_conflict_do_nothing();
    if dispatch!(connection, inner => insert.execute(inner))? == 0 {
        return Ok(PasskeyAdded::Taken);
    }
    factor::update_account(connection, account)?;
    let revoked = sign_out::end_all(connection, account, None, addition.ending)?;
    let stronger = |session: Session| Session {
        authentication: (addition.authentication)(session.authentication.clone()),
        proven_at: now,
        ..session
    };
    let (origin, at) = (addition.origin, addition.ending.at);
    let session = replacement::succeed(connection, current, successor, stronger, origin, at)?;
    let snapshot = account::find_snapshot(connection, account)?
        .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })?;
    let (snapshot, session) = (Box::new(snapshot), Box::new(session));
    Ok(PasskeyAdded::Done { snapshot, session, revoked })
}

fn remove(
    connection: &mut Connection,
    passkey: PasskeyId,
    removal: &FactorRemoval<'_>,
) -> Result<FactorChange, Failure> {
    let FactorRemoval { reauthenticated, must_keep_one, .. } = *removal;
    if let Some(outcome) = reauthentication::validate(connection, reauthenticated)? {
        return Ok(FactorChange::Refused(outcome));
    }
    let account = reauthenticated.account.id;
    let own = passkeys::table
        .find(Key::from(passkey))
        .filter(passkeys::account_id.eq(Key::from(account)));
    let exists = diesel::select(diesel::dsl::exists(own));
    if !dispatch!(connection, inner => exists.get_result::<bool>(inner))? {
        return Ok(FactorChange::NoFactor);
    }
    let has_no_password = matches!(reauthenticated.proof, CurrentProof::Passkey(_));
    let is_last_passkey = count(connection, account)? == 1;
    let is_last_factor = is_last_passkey && !factor::has_totp(connection, account)?;
    if must_keep_one && is_last_factor {
        return Ok(FactorChange::LastFactor);
    }
    // Without a password, one that signs in alone must remain.
    if has_no_password && !signs_in_alone(connection, account, Some(passkey))? {
        return Ok(FactorChange::LastFactor);
    }
    dispatch!(connection, inner => diesel::delete(own).execute(inner))?;
    factor::end_epoch(connection, account)?;
    Ok(FactorChange::Done)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = passkeys)]
struct PasskeyRow {
    id: Key,
    name: String,
    model: String,
    transports: String,
    is_user_verified: bool,
    is_discoverable: bool,
    is_backed_up: bool,
    created_at: Instant,
    last_used_at: Option<Instant>,
}

impl From<PasskeyRow> for PasskeyRecord {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            model: row.model,
            transports: transports(&row.transports),
            signs_in_alone: row.is_user_verified && row.is_discoverable,
            is_backed_up: row.is_backed_up,
            created_at: row.created_at.into(),
            last_used_at: row.last_used_at.map(Timestamp::from),
        }
    }
}
