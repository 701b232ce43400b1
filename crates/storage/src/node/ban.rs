//! `BanStore`: bans of client addresses, tables `bans` and `ban_revision`.
//!
//! Every change begins with the update of the only row of `ban_revision`. So one transaction at a time
//! changes bans, the time is read after that lock, and what a change has read stays true until it
//! commits.

use diesel::prelude::*;
use diesel::upsert::excluded;
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::ban::{
    Ban, BanPage, BanReading, BanStore, Imposed, NewBan, StartResult,
};
use portcullis_rate_limit::AddressPrefix;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{ban_revision, bans};
use crate::sql_type::{Instant, natural};
use crate::store::Store;

impl BanStore for Store {
    fn start_ban(&self, new: &NewBan<'_>) -> Result<StartResult, StoreError> {
        self.write_recorded(new.effects, |connection| {
            lock(connection)?;
            let now = connection.now()?;
            let started_at = now - (new.age)();
            let known = find(connection, new.addresses)?;
            let ban = match (known, new.imposed) {
                (known, Some(imposed)) => imposed_ban(new, imposed, known, now),
                (Some(ban), None) if !ban.remaining(started_at).is_zero() => {
                    return Ok(StartResult { ban, is_new: false });
                }
                (known, None) => grown_ban(new, known, started_at),
            };
            store(connection, &ban)?;
            make_room(connection, new)?;
            Ok(StartResult { ban, is_new: true })
        })
    }

    fn lift_ban(
        &self,
        addresses: AddressPrefix,
        effects: EffectsOf<'_, Option<Ban>>,
    ) -> Result<Option<Ban>, StoreError> {
        self.write_recorded(effects, |connection| {
            lock(connection)?;
            let now = connection.now()?;
            let found = find(connection, addresses)?;
            let Some(ban) = found.filter(|ban| !ban.remaining(now).is_zero()) else {
                return Ok(None);
            };
            let gone = diesel::delete(bans::table.find(key(addresses)));
            let rows = dispatch!(connection, inner => gone.execute(inner))?;
            Ok((rows == 1).then_some(ban))
        })
    }

    fn read_bans(&self, known: Option<u64>) -> Result<BanReading, StoreError> {
        self.read_snapshot(|connection| {
            let query = ban_revision::table.find(ROW).select(ban_revision::revision);
            let revision: i64 = dispatch!(connection, inner => query.first(inner))?;
            let (at, revision) = (connection.now()?, natural(revision));
            if known == Some(revision) {
                return Ok(BanReading { at, revision, bans: None });
            }
            let query = bans::table.filter(bans::ends_at.gt(Instant::from(at)));
            let rows: Vec<BanRow> =
                dispatch!(connection, inner => query.select(BanRow::as_select()).load(inner))?;
            Ok(BanReading { at, revision, bans: Some(in_force(rows, at)?) })
        })
    }

    fn list_bans(&self, after: Option<AddressPrefix>, most: u32) -> Result<BanPage, StoreError> {
        self.read(|connection| {
            let at = connection.now()?;
            let query = bans::table
                .filter(bans::ends_at.gt(Instant::from(at)))
                .filter(bans::addresses.gt(after.map(key).unwrap_or_default()))
                .order(bans::addresses)
                .limit(i64::from(most) + 1);
            let mut rows: Vec<BanRow> =
                dispatch!(connection, inner => query.select(BanRow::as_select()).load(inner))?;
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let has_more = rows.len() > most;
            rows.truncate(most);
            let last = rows.last().filter(|_| has_more);
            let next = last.map(|row| addresses(&row.addresses)).transpose()?;
            Ok(BanPage { at, bans: in_force(rows, at)?, next })
        })
    }
}

/// The id of the only row of `ban_revision`.
const ROW: i32 = 1;

/// Waits until no other transaction changes bans, and counts the change.
fn lock(connection: &mut Connection) -> Result<(), Failure> {
    let next = ban_revision::revision.eq(ban_revision::revision + 1);
    let count = diesel::update(ban_revision::table.find(ROW)).set(next);
    dispatch!(connection, inner => count.execute(inner))?;
    Ok(())
}

fn find(connection: &mut Connection, addresses: AddressPrefix) -> Result<Option<Ban>, Failure> {
    let query = bans::table.find(key(addresses));
    let row: Option<BanRow> = dispatch!(connection, inner => {
        query.select(BanRow::as_select()).first(inner).optional()
    })?;
    row.map(Ban::try_from).transpose()
}

/// A ban by offences, which began at this time.
fn grown_ban(new: &NewBan<'_>, known: Option<Ban>, started_at: Timestamp) -> Ban {
    let former_bans = new.policy.former_bans(known.map(|ban| ban.as_former()), started_at);
    let ends_at = started_at + new.policy.duration(former_bans);
    let addresses = new.addresses;
    Ban { addresses, started_at, ends_at, former_bans, imposed_by: None, reason: None }
}

/// A ban that an operator imposes. A ban that it replaces is no former one.
fn imposed_ban(new: &NewBan<'_>, imposed: Imposed<'_>, known: Option<Ban>, now: Timestamp) -> Ban {
    let former_bans = match known {
        Some(ban) if !ban.remaining(now).is_zero() => ban.former_bans,
        known => new.policy.former_bans(known.map(|ban| ban.as_former()), now),
    };
    Ban {
        addresses: new.addresses,
        started_at: now,
        ends_at: now + imposed.duration,
        former_bans,
        imposed_by: Some(imposed.by),
        reason: Some(imposed.reason.to_owned()).filter(|reason| !reason.is_empty()),
    }
}

fn store(connection: &mut Connection, ban: &Ban) -> Result<(), Failure> {
    let row = BanRow::from(ban);
    let insert =
        diesel::insert_into(bans::table).values(row).on_conflict(bans::addresses).do_update().set(
            (
                bans::started_at.eq(excluded(bans::started_at)),
                bans::ends_at.eq(excluded(bans::ends_at)),
                bans::former_bans.eq(excluded(bans::former_bans)),
                bans::imposed_by.eq(excluded(bans::imposed_by)),
                bans::reason.eq(excluded(bans::reason)),
            ),
        );
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// Deletes the rows beyond the maximum, those with the earliest end, and never the new one.
fn make_room(connection: &mut Connection, new: &NewBan<'_>) -> Result<(), Failure> {
    let count: i64 = dispatch!(connection, inner => bans::table.count().get_result(inner))?;
    let surplus = count - i64::from(new.max_bans);
    if surplus <= 0 {
        return Ok(());
    }
    let first = bans::table
        .filter(bans::addresses.ne(key(new.addresses)))
        .order(bans::ends_at)
        .limit(surplus)
        .select(bans::addresses);
    let first: Vec<String> = dispatch!(connection, inner => first.load(inner))?;
    let gone = diesel::delete(bans::table.filter(bans::addresses.eq_any(first)));
    dispatch!(connection, inner => gone.execute(inner))?;
    Ok(())
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = bans)]
struct BanRow {
    addresses: String,
    started_at: Instant,
    ends_at: Instant,
    former_bans: i64,
    imposed_by: Option<String>,
    reason: Option<String>,
}

impl From<&Ban> for BanRow {
    fn from(ban: &Ban) -> Self {
        Self {
            addresses: key(ban.addresses),
            started_at: ban.started_at.into(),
            ends_at: ban.ends_at.into(),
            former_bans: ban.former_bans.into(),
            imposed_by: ban.imposed_by.map(|actor| actor.to_string()),
            reason: ban.reason.clone(),
        }
    }
}

impl TryFrom<BanRow> for Ban {
    type Error = Failure;

    fn try_from(row: BanRow) -> Result<Self, Failure> {
        let corrupt = |_| Failure::Corrupt { table: "bans", column: "imposed_by" };
        Ok(Self {
            addresses: addresses(&row.addresses)?,
            started_at: row.started_at.into(),
            ends_at: row.ends_at.into(),
            former_bans: u32::try_from(natural(row.former_bans)).unwrap_or(u32::MAX),
            imposed_by: row.imposed_by.map(|actor| actor.parse().map_err(corrupt)).transpose()?,
            reason: row.reason,
        })
    }
}

fn in_force(rows: Vec<BanRow>, now: Timestamp) -> Result<Vec<Ban>, Failure> {
    let found: Result<Vec<Ban>, Failure> = rows.into_iter().map(Ban::try_from).collect();
    Ok(found?.into_iter().filter(|ban| !ban.remaining(now).is_zero()).collect())
}

/// The text that stands for the addresses in the table.
fn key(addresses: AddressPrefix) -> String {
    addresses.first_address().to_string()
}

fn addresses(text: &str) -> Result<AddressPrefix, Failure> {
    text.parse().map_err(|_| Failure::Corrupt { table: "bans", column: "addresses" })
}
