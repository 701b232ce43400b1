//! `Counts`: the counts of some events, added to the tables or taken from them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::upsert::excluded;
use portcullis_audit::EventKind;
use portcullis_domain::Timestamp;
use portcullis_flows::audit::sign_in_statistics::{Step, is_success};

use super::counted_by::{CountedBy, account_key};
use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::found::OrDefault;
use crate::schema::{security_events, sign_in_hours, sign_in_refusals};
use crate::sql_type::{Instant, Key};

/// The columns of an event that are counted, not validated.
#[derive(Queryable, Selectable)]
#[diesel(table_name = security_events)]
pub(super) struct CountedEvent {
    pub(super) sequence: i64,
    kind: OrDefault<String>,
    at: OrDefault<Instant>,
    outcome: OrDefault<String>,
    subject: Option<OrDefault<Key>>,
    address: OrDefault<String>,
}

impl CountedEvent {
    pub(super) fn at(&self) -> Timestamp {
        self.at.0.into()
    }

    pub(super) fn outcome(&self) -> &str {
        &self.outcome.0
    }

    pub(super) fn is_refusal(&self) -> bool {
        !is_success(&self.outcome.0)
    }

    pub(super) const fn has_account(&self) -> bool {
        self.subject.is_some()
    }

    /// The key of the account or the address; `None` for an event without an account.
    pub(super) fn key(&self, counted_by: CountedBy) -> Option<Vec<u8>> {
        match counted_by {
            CountedBy::Account => self.subject.as_ref().map(|OrDefault(id)| account_key(*id)),
            CountedBy::Address => Some(self.address.0.clone().into_bytes()),
        }
    }
}

/// The counts of some events, in an order that is the same for every transaction.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The events and those without an account, by hour and outcome.
    hours: BTreeMap<(Timestamp, String), (i64, i64)>,
    /// The refusals of accounts and addresses by day.
    refusals: BTreeMap<(CountedBy, Vec<u8>, Timestamp), i64>,
}

/// What happens to the counts of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Subtract,
}

impl Counts {
    /// Counts an event, if it is a sign-in.
    pub(super) fn count(&mut self, event: &CountedEvent) {
        if event.kind.0 != EventKind::SignIn.as_str() {
            return;
        }
        let hour = (Step::Hour.floor(event.at()), event.outcome.0.clone());
        let (events, without_account) = self.hours.entry(hour).or_default();
        *events += 1;
        *without_account += i64::from(!event.has_account());
        if event.is_refusal() {
            let day = Step::Day.floor(event.at());
            for counted_by in CountedBy::BOTH {
                if let Some(key) = event.key(counted_by) {
                    *self.refusals.entry((counted_by, key, day)).or_default() += 1;
                }
            }
        }
    }

    /// Changes the tables by these counts. The caller holds the lock of the tables.
    pub(super) fn store(self, connection: &mut Connection, change: Change) -> Result<(), Failure> {
        let sign = if change == Change::Add { 1 } else { -1 };
        let hours: Vec<_> = self.hours.keys().map(|(hour, _)| Instant::from(*hour)).collect();
        let days: Vec<_> = self.refusals.keys().map(|(.., day)| Instant::from(*day)).collect();
        let changed = self.hours.into_iter().map(|((hour, outcome), (events, without_account))| {
            let (events, without_account) = (sign * events, sign * without_account);
            HourRow { hour_at: hour.into(), outcome, events, without_account }
        });
        add_hours(connection, &changed.collect::<Vec<_>>())?;
        let changed = self.refusals.into_iter().map(|((counted_by, key, day), refusals)| {
            let (counted_by, refusals) = (counted_by.as_str(), sign * refusals);
            RefusalsRow { counted_by, key, day_at: day.into(), refusals }
        });
        add_refusals(connection, &changed.collect::<Vec<_>>())?;
        if change == Change::Subtract { remove_empty(connection, hours, days) } else { Ok(()) }
    }
}

#[derive(Insertable)]
#[diesel(table_name = sign_in_hours)]
struct HourRow {
    hour_at: Instant,
    outcome: String,
    events: i64,
    without_account: i64,
}

#[derive(Insertable)]
#[diesel(table_name = sign_in_refusals)]
struct RefusalsRow {
    counted_by: &'static str,
    key: Vec<u8>,
    day_at: Instant,
    refusals: i64,
}

/// The maximum of rows in one statement of PostgreSQL.
const ROWS: usize = 1_000;

fn add_hours(connection: &mut Connection, rows: &[HourRow]) -> Result<(), Failure> {
    use sign_in_hours::{events, hour_at, outcome, table, without_account};
    macro_rules! add {
        ($rows:expr, $inner:expr) => {
            diesel::insert_into(table)
                .values($rows)
                .on_conflict((hour_at, outcome))
                .do_update()
                .set((
                    events.eq(events + excluded(events)),
                    without_account.eq(without_account + excluded(without_account)),
                ))
                .execute($inner)?
        };
    }
    match &mut connection.inner {
        Inner::Postgres(inner) => rows.chunks(ROWS).try_for_each(|some| {
            add!(some, inner);
            Ok(())
        }),
        Inner::Sqlite(inner) => rows.iter().try_for_each(|row| {
            add!(row, inner);
            Ok(())
        }),
    }
}

fn add_refusals(connection: &mut Connection, rows: &[RefusalsRow]) -> Result<(), Failure> {
    use sign_in_refusals::{counted_by, day_at, key, refusals, table};
    macro_rules! add {
        ($rows:expr, $inner:expr) => {
            diesel::insert_into(table)
                .values($rows)
                .on_conflict((counted_by, key, day_at))
                .do_update()
                .set(refusals.eq(refusals + excluded(refusals)))
                .execute($inner)?
        };
    }
    match &mut connection.inner {
        Inner::Postgres(inner) => rows.chunks(ROWS).try_for_each(|some| {
            add!(some, inner);
            Ok(())
        }),
        Inner::Sqlite(inner) => rows.iter().try_for_each(|row| {
            add!(row, inner);
            Ok(())
        }),
    }
}

/// Deletes rows that count nothing any more.
fn remove_empty(
    connection: &mut Connection,
    mut hours: Vec<Instant>,
    mut days: Vec<Instant>,
) -> Result<(), Failure> {
    hours.sort_unstable_by_key(|hour| Timestamp::from(*hour));
    hours.dedup();
    days.sort_unstable_by_key(|day| Timestamp::from(*day));
    days.dedup();
    let empty = sign_in_hours::table
        .filter(sign_in_hours::hour_at.eq_any(hours))
        .filter(sign_in_hours::events.le(0));
    dispatch!(connection, inner => diesel::delete(empty).execute(inner))?;
    for counted_by in CountedBy::BOTH {
        let empty = sign_in_refusals::table
            .filter(sign_in_refusals::counted_by.eq(counted_by.as_str()))
            .filter(sign_in_refusals::day_at.eq_any(&days))
            .filter(sign_in_refusals::refusals.le(0));
        dispatch!(connection, inner => diesel::delete(empty).execute(inner))?;
    }
    Ok(())
}
