//! The refusals that the tables do not count, by account and by address.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::counted_by::{CountedBy, account_key};
use super::span::Spans;
use super::tail::Tail;
use crate::connection::{Connection, DialectSql, Inner, dispatch};
use crate::failure::Failure;
use crate::sql_type::{Id, Instant, Key, Utc};

/// The keys of accounts or addresses with their refusals.
pub(super) type Refusals = HashMap<Vec<u8>, u64>;

/// The refusals that the tables do not count: of accounts and from addresses.
#[derive(Default)]
pub(super) struct Loose {
    accounts: Refusals,
    addresses: Refusals,
}

impl Loose {
    /// Counts the events of the parts of days, and those of whole days that are not counted yet.
    pub(super) fn read(
        connection: &mut Connection,
        days: &Spans,
        tail: &Tail,
    ) -> Result<Self, Failure> {
        let mut loose = Self::default();
        for part in days.parts.into_iter().flatten() {
            let sql = match connection.inner {
                Inner::Postgres(_) => REFUSED.postgres,
                Inner::Sqlite(_) => REFUSED.sqlite,
            };
            let query = diesel::sql_query(sql)
                .bind::<Utc, _>(Instant::from(part.from))
                .bind::<Utc, _>(Instant::from(part.until));
            let rows: Vec<RefusedRow> = dispatch!(connection, inner => query.load(inner))?;
            for RefusedRow { subject, address } in rows {
                if let Some(subject) = subject {
                    *loose.accounts.entry(account_key(subject)).or_default() += 1;
                }
                *loose.addresses.entry(address.into_bytes()).or_default() += 1;
            }
        }
        tail.add_refusals(days.whole, CountedBy::Account, &mut loose.accounts);
        tail.add_refusals(days.whole, CountedBy::Address, &mut loose.addresses);
        Ok(loose)
    }

    pub(super) const fn of(&self, counted_by: CountedBy) -> &Refusals {
        match counted_by {
            CountedBy::Account => &self.accounts,
            CountedBy::Address => &self.addresses,
        }
    }
}

/// SQLite alone would read every sign-in of the part by the index of the kinds.
const REFUSED: DialectSql = DialectSql {
    postgres: "SELECT subject, address FROM security_events
        WHERE kind = 'sign_in' AND outcome <> 'success' AND at >= $1 AND at < $2",
    sqlite: "SELECT subject, address FROM security_events INDEXED BY security_events_refused
        WHERE kind = 'sign_in' AND outcome <> 'success' AND at >= ?1 AND at < ?2",
};

#[derive(QueryableByName)]
struct RefusedRow {
    #[diesel(sql_type = Nullable<Id>)]
    subject: Option<Key>,
    #[diesel(sql_type = Text)]
    address: String,
}
