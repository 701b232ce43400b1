//! `SignInStatisticsStore`: counts of the sign-ins of the audit log, tables `sign_in_hours`,
//! `sign_in_refusals` and `sign_in_positions`.
//!
//! The tables count whole hours and days up to a position in each chain. A query adds, in the same snapshot,
//! the events after the positions, and the parts of hours and days at both ends of its period, which it
//! counts from the events.

mod cells;
mod counted_by;
mod counts;
mod fold;
mod loose;
mod span;
mod tail;
mod top;

use diesel::prelude::*;
use portcullis_domain::{AccountId, Username};
use portcullis_flows::StoreError;
use portcullis_flows::audit::sign_in_statistics::{
    Period, RefusedAccount, RefusedAddress, SignInCell, SignInCounts, SignInStatisticsStore, Step,
    TopList, is_success,
};
use portcullis_flows::effects::Effects;
use portcullis_flows::node::job::BatchResult;
use uuid::Uuid;

use self::counted_by::CountedBy;
pub(crate) use self::fold::forget;
use self::loose::Loose;
use self::span::Spans;
use self::tail::Tail;
use self::top::Ranking;
use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::accounts;
use crate::sql_type::Key;
use crate::store::Store;

impl SignInStatisticsStore for Store {
    fn sign_in_counts(
        &self,
        period: &Period,
        most: usize,
        effects: &Effects,
    ) -> Result<SignInCounts, StoreError> {
        // A long reading must not hold up the writers of SQLite.
        let counts = self.read_snapshot(|connection| read(connection, period, most))?;
        let Some(counts) = counts else {
            let reason = "the sign-ins of the audit log are still being counted";
            return Err(StoreError::Unavailable(reason.to_owned()));
        };
        self.write_with(|_| Ok((counts, effects.clone())))
    }

    fn count_sign_ins(&self, most: u32) -> Result<BatchResult, StoreError> {
        self.write(|connection| fold::fold(connection, most))
    }
}

/// Returns `None` if too many events are not counted yet.
fn read(
    connection: &mut Connection,
    period: &Period,
    most: usize,
) -> Result<Option<SignInCounts>, Failure> {
    let Some(tail) = Tail::read(connection, period)? else { return Ok(None) };
    let hours = match period.step() {
        Step::Minute => Spans::parts(period),
        Step::Hour | Step::Day => Spans::split(period, Step::Hour),
    };
    let mut found = cells::of_hours(connection, hours.whole)?;
    let days = Spans::split(period, Step::Day);
    let counted = days.whole.map_or(0, |span| refusals(&found, |cell| span.covers(cell.at)));
    found.extend(tail.cells(hours.whole));
    for part in hours.parts {
        found.extend(cells::of_part(connection, part)?);
    }
    let loose = Loose::read(connection, &days, &tail)?;
    let mut rank =
        |counted_by| Ranking { counted_by, days, counted, most }.rank(connection, &loose);
    let (accounts, addresses) = (rank(CountedBy::Account)?, rank(CountedBy::Address)?);
    Ok(Some(SignInCounts {
        cells: found,
        accounts: named(connection, accounts)?,
        addresses: TopList {
            entries: addresses.entries.into_iter().map(refused_address).collect(),
            others_at_most: addresses.others_at_most,
        },
    }))
}

fn refusals(cells: &[SignInCell], is_wanted: impl Fn(&SignInCell) -> bool) -> u64 {
    let refused = cells.iter().filter(|cell| !is_success(&cell.outcome) && is_wanted(cell));
    refused.map(|cell| cell.events).sum()
}

fn refused_address((key, refusals): (Vec<u8>, u64)) -> RefusedAddress {
    RefusedAddress { address: String::from_utf8_lossy(&key).into_owned(), refusals }
}

/// Adds the user names of the accounts that still exist.
fn named(
    connection: &mut Connection,
    list: TopList<(Vec<u8>, u64)>,
) -> Result<TopList<RefusedAccount>, Failure> {
    let corrupt = |table, column| Failure::Corrupt { table, column };
    let listed = |(key, refusals): (Vec<u8>, u64)| {
        let id = Uuid::from_slice(&key).map_err(|_| corrupt("sign_in_refusals", "key"))?;
        Ok((AccountId::from_uuid(id), refusals))
    };
    let entries = list.entries.into_iter().map(listed).collect::<Result<Vec<_>, Failure>>()?;
    let ids = entries.iter().map(|(account, _)| Key::from(*account)).collect::<Vec<_>>();
    let names =
        accounts::table.filter(accounts::id.eq_any(ids)).select((accounts::id, accounts::username));
    let names: Vec<(Key, String)> = dispatch!(connection, inner => names.load(inner))?;
    let entry = |(account, refusals)| {
        let name = names.iter().find(|(id, _)| AccountId::from(*id) == account);
        let username = name.map(|(_, name)| Username::parse(name)).transpose();
        let username = username.map_err(|_| corrupt("accounts", "username"))?;
        Ok(RefusedAccount { account, username, refusals })
    };
    let entries = entries.into_iter().map(entry).collect::<Result<_, Failure>>()?;
    Ok(TopList { entries, others_at_most: list.others_at_most })
}
