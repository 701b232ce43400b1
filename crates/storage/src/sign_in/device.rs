//! `DeviceStore`: known devices of accounts, table `devices`.

use std::collections::HashMap;

use diesel::dsl::max;
use diesel::prelude::*;
use portcullis_domain::{AccountId, DisplayName, SessionId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::SessionOpening;
use portcullis_flows::sign_in::device::{
    DeviceRecord, DeviceStore, DeviceUse, FIRST_GENERATION, MAX_DEVICES, SignInDevice, UsedDevice,
    surplus,
};
use portcullis_flows::sign_in::session_tokens::SessionEnd;
use portcullis_token::DeviceId;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::schema::{devices, sessions};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl DeviceStore for Store {
    fn device(
        &self,
        account: AccountId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError> {
        self.read(|connection| {
            let row: Option<DeviceRow> = dispatch!(connection, inner => {
                own(account, device).select(DeviceRow::as_select()).first(inner).optional()
            })?;
            let Some(row) = row else { return Ok(None) };
            let uses = latest_uses(connection, account)?;
            row.record(&uses).map(Some)
        })
    }

    fn devices(&self, account: AccountId) -> Result<Vec<DeviceRecord>, StoreError> {
        self.read(|connection| of_account(connection, account))
    }

    fn forget_device(
        &self,
        account: AccountId,
        device: DeviceId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Option<Revoked>>,
    ) -> Result<Option<Revoked>, StoreError> {
        self.write_recorded(effects, |connection| {
            sign_out::lock_account(connection, account)?;
            if !forget(connection, account, device)? {
                return Ok(None);
            }
            let live = sessions::table
                .filter(sessions::account_id.eq(Key::from(account)))
                .filter(sessions::device_id.eq(device.as_bytes().as_slice()))
                .filter(sessions::ended_at.is_null())
                .order(sessions::id)
                .select(sessions::id);
            let live: Vec<Key> = dispatch!(connection, inner => live.load(inner))?;
            sign_out::end_these(connection, live, ending).map(Some)
        })
    }
}

/// The devices of the account, the latest used first.
pub(crate) fn of_account(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<DeviceRecord>, Failure> {
    let own = devices::table.filter(devices::account_id.eq(Key::from(account)));
    let rows: Vec<DeviceRow> =
        dispatch!(connection, inner => own.select(DeviceRow::as_select()).load(inner))?;
    let uses = latest_uses(connection, account)?;
    let records: Result<Vec<DeviceRecord>, Failure> =
        rows.into_iter().map(|row| row.record(&uses)).collect();
    let mut records = records?;
    records.sort_by_key(|device| std::cmp::Reverse(device.last_used_at));
    Ok(records)
}

/// Rotates the device of a sign-in, or stores a new one, in the transaction that opens the session. The lock
/// on the account makes sign-ins to it sequential.
pub(crate) fn used(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
    device: DeviceUse,
) -> Result<UsedDevice, Failure> {
    let account = opening.session.account_id;
    if let SignInDevice::Known { id, generation, rotates } = device.shown {
        let rotated = rotates && advance(connection, opening, id, generation)?;
        let rotated = rotated.then(|| generation.saturating_add(1));
        // The other one of two sign-ins at once has rotated it, or its owner has just ended it.
        if rotated.is_some() || exists(connection, account, id)? {
            return Ok(UsedDevice { id, rotated });
        }
    }
    if let SignInDevice::Reused(id) = device.shown {
        forget(connection, account, id)?;
    }
    insert(connection, opening, device.fresh)?;
    Ok(UsedDevice { id: device.fresh, rotated: Some(FIRST_GENERATION) })
}

fn advance(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
    device: DeviceId,
    generation: u32,
) -> Result<bool, Failure> {
    let now = Instant::from(connection.now()?);
    let current = devices::table
        .find(device.as_bytes().as_slice())
        .filter(devices::account_id.eq(Key::from(opening.session.account_id)))
        .filter(devices::generation.eq(i64::from(generation)));
    let advance = diesel::update(current).set((
        devices::generation.eq(devices::generation + 1),
        devices::rotated_at.eq(now),
        devices::address.eq(opening.origin.address.to_string()),
        devices::user_agent.eq(opening.origin.user_agent.as_deref()),
        opening.device_name.map(|name| devices::name.eq(Some(name.as_str()))),
    ));
    Ok(dispatch!(connection, inner => advance.execute(inner))? == 1)
}

fn insert(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
    device: DeviceId,
) -> Result<(), Failure> {
    let (account, now) = (opening.session.account_id, Instant::from(connection.now()?));
    let insert = diesel::insert_into(devices::table).values((
        devices::id.eq(device.as_bytes().as_slice()),
        devices::account_id.eq(Key::from(account)),
        devices::generation.eq(i64::from(FIRST_GENERATION)),
        devices::name.eq(opening.device_name.map(DisplayName::as_str)),
        devices::address.eq(opening.origin.address.to_string()),
        devices::user_agent.eq(opening.origin.user_agent.as_deref()),
        devices::created_at.eq(now),
        devices::rotated_at.eq(now),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    let all = devices::table.filter(devices::account_id.eq(Key::from(account))).count();
    let count: i64 = dispatch!(connection, inner => all.get_result(inner))?;
    if usize::try_from(count).is_ok_and(|count| count <= MAX_DEVICES) {
        return Ok(());
    }
    let surplus = surplus(of_account(connection, account)?, device);
    let surplus = surplus.iter().map(|device| device.as_bytes().to_vec());
    let gone = diesel::delete(devices::table.filter(devices::id.eq_any(surplus)));
    dispatch!(connection, inner => gone.execute(inner))?;
    Ok(())
}

fn forget(
    connection: &mut Connection,
    account: AccountId,
    device: DeviceId,
) -> Result<bool, Failure> {
    let gone = diesel::delete(own(account, device));
    Ok(dispatch!(connection, inner => gone.execute(inner))? == 1)
}

/// Forgets the devices of an account whose password or factors are others now: all, or all but that of this
/// session, whose browser gets a new cookie.
pub(crate) fn forget_all(
    connection: &mut Connection,
    account: AccountId,
    but: Option<SessionId>,
) -> Result<(), Failure> {
    let kept = match but {
        Some(session) => {
            let device = sessions::table.find(Key::from(session)).select(sessions::device_id);
            dispatch!(connection, inner => device.first::<Option<Vec<u8>>>(inner).optional())?
        }
        None => None,
    };
    let all = devices::table
        .filter(devices::account_id.eq(Key::from(account)))
        .filter(devices::id.ne_all(kept.flatten()));
    dispatch!(connection, inner => diesel::delete(all).execute(inner))?;
    Ok(())
}

fn exists(
    connection: &mut Connection,
    account: AccountId,
    device: DeviceId,
) -> Result<bool, Failure> {
    let look = diesel::select(diesel::dsl::exists(own(account, device)));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn own(account: AccountId, device: DeviceId) -> _ {
    let (device, account): (Vec<u8>, Key) = (device.as_bytes().to_vec(), account.into());
    devices::table.filter(devices::id.eq(device)).filter(devices::account_id.eq(account))
}

/// The time of the latest refresh of a session of each device.
type LatestUses = HashMap<Vec<u8>, Instant>;

fn latest_uses(connection: &mut Connection, account: AccountId) -> Result<LatestUses, Failure> {
    let latest = sessions::table
        .filter(sessions::account_id.eq(Key::from(account)))
        .filter(sessions::device_id.is_not_null())
        .group_by(sessions::device_id)
        .select((sessions::device_id, max(sessions::rotated_at)));
    let rows: Vec<(Option<Vec<u8>>, Option<Instant>)> =
        dispatch!(connection, inner => latest.load(inner))?;
    Ok(rows.into_iter().filter_map(|(device, at)| device.zip(at)).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
struct DeviceRow {
    id: Vec<u8>,
    generation: i64,
    name: Option<String>,
    address: String,
    user_agent: Option<String>,
    created_at: Instant,
    rotated_at: Instant,
}

impl DeviceRow {
    fn record(self, uses: &LatestUses) -> Result<DeviceRecord, Failure> {
        let corrupt = |column| Failure::Corrupt { table: "devices", column };
        let rotated_at = Timestamp::from(self.rotated_at);
        let refreshed_at = uses.get(&self.id).copied().map(Timestamp::from);
        Ok(DeviceRecord {
            id: read_id(&self.id).ok_or_else(|| corrupt("id"))?,
            generation: u32::try_from(self.generation).map_err(|_| corrupt("generation"))?,
            rotated_at,
            last_used_at: refreshed_at.map_or(rotated_at, |refreshed| refreshed.max(rotated_at)),
            created_at: self.created_at.into(),
            address: self.address.parse().map_err(|_| corrupt("address"))?,
            name: self.name.as_deref().and_then(account::shown),
            user_agent: self.user_agent,
        })
    }
}

/// Reads a stored id.
pub(crate) fn read_id(bytes: &[u8]) -> Option<DeviceId> {
    bytes.try_into().ok().map(DeviceId::from_bytes)
}
