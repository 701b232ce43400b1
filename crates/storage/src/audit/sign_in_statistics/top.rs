//! The accounts and addresses with the most refusals, ranked without a look at those that have few.
//!
//! Days that are counted have a row for each account and address. In an attack on many accounts most rows
//! count one refusal, and few of them belong to an account of the list. So only the rows above a limit are
//! read. An account without such a row has at most the limit on each day. The limit is low enough as soon as
//! that is less than the total of the last account listed. The totals of the listed accounts are exact.

use std::cmp::Reverse;
use std::collections::HashSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use portcullis_flows::audit::sign_in_statistics::TopList;

use super::counted_by::CountedBy;
use super::loose::{Loose, Refusals};
use super::span::{Span, Spans};
use crate::connection::{Connection, DialectSql, Inner, dispatch};
use crate::failure::Failure;
use crate::schema::sign_in_refusals;
use crate::sql_type::{Instant, Utc, bigint, natural};

/// The parameters of a top list.
#[derive(Clone, Copy)]
pub(super) struct Ranking {
    pub(super) counted_by: CountedBy,
    /// The period as whole days and parts.
    pub(super) days: Spans,
    /// The counted refusals of the whole days: at least the number of their rows.
    pub(super) counted: u64,
    /// The maximum length of the list.
    pub(super) most: usize,
}

/// The maximum of counted refusals of which each row is summed, where no limit is found.
const MAX_SUMMED: u64 = 50_000;

/// The maximum of rows above a limit that are read.
const MAX_ROWS: usize = 5_000;

/// The limits that are tried for a first list.
const LIMITS: [u64; 11] = [4_096, 1_024, 256, 128, 64, 32, 16, 8, 4, 2, 1];

/// Those whose refusals of whole days are known, and the maximum of all others.
struct Candidates {
    refusals: Refusals,
    others_at_most: u64,
}

impl Ranking {
    /// The top list. Those with equally many refusals are in the order of their keys.
    pub(super) fn rank(
        &self,
        connection: &mut Connection,
        loose: &Loose,
    ) -> Result<TopList<(Vec<u8>, u64)>, Failure> {
        let loose = loose.of(self.counted_by);
        let Some(days) = self.days.whole else {
            return Ok(TopList { entries: self.top(loose.clone()), others_at_most: None });
        };
        let mut candidates = self.find_highest(connection, days, loose)?;
        let last = self.last_of(&self.top(totals(&candidates.refusals, loose)));
        let is_summed = candidates.others_at_most >= last && self.counted <= MAX_SUMMED;
        if is_summed {
            candidates = self.sum_all(connection, days)?;
        }
        let left_out = self.add_loose(connection, days, &mut candidates, loose)?;
        let Candidates { refusals, others_at_most } = candidates;
        let entries = self.top(totals(&refusals, loose));
        let last = self.last_of(&entries);
        // Equal sums of whole days are ranked by their keys already.
        let others_at_most = others_at_most.saturating_add(left_out);
        let is_ranked = others_at_most < last || is_summed && left_out == 0;
        let others_at_most = (!is_ranked).then_some(others_at_most);
        Ok(TopList { entries, others_at_most })
    }

    /// Sums all rows of the days.
    fn sum_all(&self, connection: &mut Connection, days: Span) -> Result<Candidates, Failure> {
        let sql = match connection.inner {
            Inner::Postgres(_) => SUM_ALL.postgres,
            Inner::Sqlite(_) => SUM_ALL.sqlite,
        };
        let query = diesel::sql_query(sql)
            .bind::<Text, _>(self.counted_by.as_str())
            .bind::<Utc, _>(Instant::from(days.from))
            .bind::<Utc, _>(Instant::from(days.until))
            .bind::<BigInt, _>(i64::try_from(self.most).unwrap_or(i64::MAX));
        let rows: Vec<KeyRow> = dispatch!(connection, inner => query.load(inner))?;
        let last = rows.last().filter(|_| rows.len() >= self.most);
        let others_at_most = last.map_or(0, |row| natural(row.refusals));
        let refusals = rows.into_iter().map(|row| (row.key, natural(row.refusals))).collect();
        Ok(Candidates { refusals, others_at_most })
    }

    /// Finds those with a row above a limit, and lowers the limit until no other one can be in the list.
    fn find_highest(
        &self,
        connection: &mut Connection,
        days: Span,
        loose: &Refusals,
    ) -> Result<Candidates, Failure> {
        let starts: Vec<_> = days.days().map(Instant::from).collect();
        let length = u64::try_from(starts.len()).unwrap_or(u64::MAX);
        let (mut found, mut above) = (HashSet::new(), u64::MAX);
        for limit in LIMITS {
            let Some(keys) = self.above(connection, &starts, limit)? else { break };
            (found, above) = (keys, limit);
            if found.len() >= 2 * self.most {
                break;
            }
        }
        let mut refusals = self.sums(connection, days, found)?;
        let last = self.last_of(&self.top(totals(&refusals, loose)));
        let enough = last.saturating_sub(1) / length;
        if (1..above).contains(&enough)
            && let Some(keys) = self.above(connection, &starts, enough)?
        {
            above = enough;
            let further = keys.into_iter().filter(|key| !refusals.contains_key(key)).collect();
            refusals.extend(self.sums(connection, days, further)?);
        }
        Ok(Candidates { refusals, others_at_most: above.saturating_mul(length) })
    }

    /// Adds those that may be in the list because of their refusals outside the counted days. Returns the
    /// maximum of these refusals of all others.
    fn add_loose(
        &self,
        connection: &mut Connection,
        days: Span,
        candidates: &mut Candidates,
        loose: &Refusals,
    ) -> Result<u64, Failure> {
        let known = &mut candidates.refusals;
        let mut at_least = loose.clone();
        at_least.extend(totals(known, loose));
        let last = self.last_of(&self.top(at_least));
        let may_rank = |(key, refusals): &(&Vec<u8>, &u64)| {
            !known.contains_key(*key)
                && candidates.others_at_most.saturating_add(**refusals) >= last
        };
        let mut further: Vec<_> = loose.iter().filter(may_rank).collect();
        further.sort_unstable_by_key(|(_, refusals)| Reverse(**refusals));
        let left_out = further.get(MAX_ROWS).map_or(0, |(_, refusals)| **refusals);
        let keys: HashSet<_> =
            further.iter().take(MAX_ROWS).map(|(key, _)| (*key).clone()).collect();
        let sums = if candidates.others_at_most == 0 {
            Refusals::new()
        } else {
            self.sums(connection, days, keys.clone())?
        };
        known.extend(keys.into_iter().map(|key| (key, 0)));
        known.extend(sums);
        Ok(left_out)
    }

    /// Those with a row above the limit; `None` if there are too many rows.
    fn above(
        &self,
        connection: &mut Connection,
        days: &[Instant],
        limit: u64,
    ) -> Result<Option<HashSet<Vec<u8>>>, Failure> {
        use sign_in_refusals::{counted_by, day_at, key, refusals, table};
        let most = i64::try_from(MAX_ROWS).unwrap_or(i64::MAX);
        let rows = table
            .filter(counted_by.eq(self.counted_by.as_str()))
            .filter(day_at.eq_any(days))
            .filter(refusals.gt(bigint(limit)))
            .select(key)
            .limit(most + 1);
        let rows: Vec<Vec<u8>> = dispatch!(connection, inner => rows.load(inner))?;
        Ok((rows.len() <= MAX_ROWS).then(|| rows.into_iter().collect()))
    }

    /// The counted refusals of these keys.
    fn sums(
        &self,
        connection: &mut Connection,
        days: Span,
        keys: HashSet<Vec<u8>>,
    ) -> Result<Refusals, Failure> {
        use sign_in_refusals::{counted_by, day_at, key, table};
        if keys.is_empty() {
            return Ok(Refusals::new());
        }
        let sums = table
            .filter(counted_by.eq(self.counted_by.as_str()))
            .filter(key.eq_any(keys))
            .filter(day_at.ge(Instant::from(days.from)))
            .filter(day_at.lt(Instant::from(days.until)))
            .group_by(key)
            .select((key, sql::<BigInt>(SUM)));
        let rows: Vec<(Vec<u8>, i64)> = dispatch!(connection, inner => sums.load(inner))?;
        Ok(by_key(rows))
    }

    /// The highest ones, in the order of the list.
    fn top(&self, refusals: Refusals) -> Vec<(Vec<u8>, u64)> {
        let mut all: Vec<_> = refusals.into_iter().filter(|(_, refusals)| *refusals > 0).collect();
        all.sort_unstable_by(|(key, refusals), (other, others)| {
            others.cmp(refusals).then_with(|| key.cmp(other))
        });
        all.truncate(self.most);
        all
    }

    /// The refusals of the last one of a full list, else 0.
    fn last_of(&self, top: &[(Vec<u8>, u64)]) -> u64 {
        top.last().filter(|_| top.len() >= self.most).map_or(0, |(_, refusals)| *refusals)
    }
}

/// The refusals of whole days with those outside them.
fn totals(counted: &Refusals, loose: &Refusals) -> Refusals {
    let total = |(key, sum): (&Vec<u8>, &u64)| {
        (key.clone(), sum + loose.get(key).copied().unwrap_or_default())
    };
    counted.iter().map(total).collect()
}

fn by_key(rows: Vec<(Vec<u8>, i64)>) -> Refusals {
    rows.into_iter().map(|(key, refusals)| (key, natural(refusals))).collect()
}

/// A sum of `bigint` is no `bigint` in PostgreSQL.
const SUM: &str = "CAST(sum(refusals) AS bigint)";

/// SQLite alone would read the rows of all days in the order of their keys.
const SUM_ALL: DialectSql = DialectSql {
    postgres: "SELECT key, CAST(sum(refusals) AS bigint) AS refusals FROM sign_in_refusals
        WHERE counted_by = $1 AND day_at >= $2 AND day_at < $3
        GROUP BY key ORDER BY 2 DESC, key LIMIT $4",
    sqlite: "SELECT key, sum(refusals) AS refusals
        FROM sign_in_refusals INDEXED BY sign_in_refusals_by_day
        WHERE counted_by = ?1 AND day_at >= ?2 AND day_at < ?3
        GROUP BY key ORDER BY 2 DESC, key LIMIT ?4",
};

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Binary)]
    key: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    refusals: i64,
}
