//! `RevocationStore`: revocations and the positions of the revocation feed, tables `revocations`
//! and `revocation_feed`.

use std::time::Duration;

use diesel::dsl::{exists, min};
use diesel::prelude::*;
use portcullis_domain::{AccountId, SessionId, Timestamp, TokenId};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::node::revocation::{
    FeedEntry, FeedRange, MAX_WAITING, PurgeResult, RevocationStore, Revoked,
};
use portcullis_token::{AccessClaims, LEEWAY, Revocation, RevocationEntry};

use crate::connection::{Connection, DialectSql, dispatch};
use crate::failure::Failure;
use crate::schema::{revocation_feed, revocations};
use crate::sql_type::{Instant, Key, bigint, natural};
use crate::store::Store;

/// The columns of the only row of `revocation_feed`: head, purged through, horizon, issued from.
type FeedRow = (i64, i64, Option<Instant>, Option<Instant>);

/// The id of the only row of `revocation_feed`.
const FEED: i32 = 1;

/// Assigns positions to new entries. Locks the row of the feed first: the holder is the only writer
/// of positions, and sees all positions that were assigned before. It numbers committed rows only,
/// so a reader never sees a position before its predecessor.
///
/// The same statement sets `until` of each entry once: the longest lifetime of any access token
/// that any node may have issued before the entry was committed, under any settings. A node stores
/// its token lifetime in the same row before it issues its first token. An entry for one token has
/// its own end.
macro_rules! number {
    ($until:literal) => {
        concat!(
            "UPDATE revocation_feed SET head = head WHERE id = 1;
            UPDATE revocations
            SET position = waiting.place + (SELECT head FROM revocation_feed WHERE id = 1),
                until = CASE kind WHEN 'token' THEN until ELSE ",
            $until,
            " END
            FROM (
                SELECT id, row_number() OVER (ORDER BY recorded_at, id) AS place
                FROM revocations WHERE position IS NULL ORDER BY recorded_at, id LIMIT 10000
            ) AS waiting
            WHERE revocations.id = waiting.id;
            UPDATE revocation_feed
            SET head = coalesce((SELECT max(position) FROM revocations), head) WHERE id = 1;"
        )
    };
}

/// Verifiers allow a leeway of five seconds.
const NUMBER: DialectSql = DialectSql {
    postgres: number!(
        "greatest(until, recorded_at + interval '5 s' + interval '1 ms' *
         (SELECT longest_access_ms FROM revocation_feed WHERE id = 1))"
    ),
    sqlite: number!(
        "max(until, recorded_at + 5000000 + 1000 *
         (SELECT longest_access_ms FROM revocation_feed WHERE id = 1))"
    ),
};

impl RevocationStore for Store {
    fn revocations_from(&self, first: u64, most: u32) -> Result<FeedRange, StoreError> {
        self.read(|connection| range(connection, first, most))
    }

    fn number_revocations(&self, first: u64, most: u32) -> Result<FeedRange, StoreError> {
        self.write_at_once(NUMBER, |connection| range(connection, first, most))
    }

    fn note_access_lifetime(&self, lifetime: Duration) -> Result<(), StoreError> {
        let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let shorter = revocation_feed::table
            .find(FEED)
            .filter(revocation_feed::longest_access_ms.lt(lifetime));
        let note = diesel::update(shorter).set(revocation_feed::longest_access_ms.eq(lifetime));
        self.write(|connection| {
            dispatch!(connection, inner => note.execute(inner))?;
            Ok(())
        })
    }

    fn is_revoked(&self, claims: &AccessClaims) -> Result<bool, StoreError> {
        self.read(|connection| {
            let names: [Key; 3] =
                [claims.session.into(), claims.token.into(), claims.subject.into()];
            let is_covered = revocations::issued_before
                .is_null()
                .or(revocations::issued_before.gt(Instant::from(claims.issued_at)));
            let covering =
                revocations::table.filter(revocations::target.eq_any(names)).filter(is_covered);
            let look = diesel::select(exists(covering));
            Ok(dispatch!(connection, inner => look.get_result(inner))?)
        })
    }

    fn revoke(
        &self,
        entry: &RevocationEntry,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<Revoked, StoreError> {
        self.write_recorded(&if_any(effects), |connection| {
            let is_new = !is_recorded(connection, entry)?;
            record(connection, is_new.then_some(*entry).into_iter().collect(), at)
        })
    }

    fn purge_revocations(
        &self,
        keep: Duration,
        elapsed: Duration,
        most: u32,
    ) -> Result<PurgeResult, StoreError> {
        self.write(|connection| {
            let feed = revocation_feed::table.find(FEED).select((
                revocation_feed::head,
                revocation_feed::purged_through,
                revocation_feed::horizon,
            ));
            let (head, purged, before): (i64, i64, Option<Instant>) =
                dispatch!(connection, inner => feed.first(inner))?;
            let horizon = connection.now()? - keep;
            let horizon = before.map(Timestamp::from).map_or(horizon, |before| {
                before.max(horizon.min(before + elapsed.saturating_mul(2)))
            });
            let last = purged.saturating_add(most.into()).min(head.saturating_sub(1));
            let needed = revocations::table
                .filter(revocations::position.gt(purged))
                .filter(revocations::position.le(last))
                .filter(revocations::until.ge(Instant::from(horizon)))
                .select(min(revocations::position));
            let needed: Option<i64> = dispatch!(connection, inner => needed.first(inner))?;
            let through = needed.map_or(last, |needed| needed.saturating_sub(1)).max(purged);
            if through > purged {
                let gone = revocations::table.filter(revocations::position.le(through));
                dispatch!(connection, inner => diesel::delete(gone).execute(inner))?;
            }
            // The row is locked last, because no positions can be assigned while it is locked.
            // Another node may have purged further meanwhile.
            let feed = revocation_feed::table.find(FEED);
            let further = feed.filter(revocation_feed::purged_through.lt(through));
            let note = diesel::update(further).set(revocation_feed::purged_through.eq(through));
            dispatch!(connection, inner => note.execute(inner))?;
            let behind = revocation_feed::horizon
                .is_null()
                .or(revocation_feed::horizon.lt(Instant::from(horizon)));
            let note = diesel::update(revocation_feed::table.find(FEED))
                .set(revocation_feed::horizon.eq(Some(Instant::from(horizon))))
                .filter(behind.assume_not_null());
            dispatch!(connection, inner => note.execute(inner))?;
            Ok(PurgeResult { removed: natural(through.saturating_sub(purged)), horizon })
        })
    }
}

/// Returns these effects if anything was revoked.
pub(crate) fn if_any(effects: &Effects) -> impl Fn(&Revoked) -> Effects {
    |revoked| effects.only_if(!revoked.is_empty())
}

/// Writes revocations in the transaction that causes them. The use case passes the result to the
/// revocation set of this node; followers read the entries when they have positions, after the
/// commit.
pub(crate) fn record(
    connection: &mut Connection,
    entries: Vec<RevocationEntry>,
    at: Timestamp,
) -> Result<Revoked, Failure> {
    if entries.is_empty() {
        return Ok(Revoked::default());
    }
    let rows: Vec<NewRevocationRow> =
        entries.iter().map(|entry| NewRevocationRow::new(entry, at)).collect();
    let insert = diesel::insert_into(revocations::table).values(rows);
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(Revoked::new(entries))
}

/// The time until which a revocation of now is needed: no token that any node has issued lives longer.
pub(crate) fn until(connection: &mut Connection, now: Timestamp) -> Result<Timestamp, Failure> {
    let longest = revocation_feed::table.select(revocation_feed::longest_access_ms);
    let longest: i64 = dispatch!(connection, inner => longest.first(inner))?;
    Ok(now + Duration::from_millis(natural(longest)) + LEEWAY)
}

fn range(connection: &mut Connection, first: u64, most: u32) -> Result<FeedRange, Failure> {
    // One statement reads entries and head, so that both are of the same snapshot.
    let wanted = revocations::position
        .ge(bigint(first))
        .and(revocations::position.lt(bigint(first.saturating_add(most.into()))))
        .or(revocations::position.is_null());
    let most_waiting = i64::try_from(MAX_WAITING).unwrap_or(i64::MAX);
    // The two databases sort NULL at different ends.
    let query = revocation_feed::table
        .left_join(revocations::table.on(wanted))
        .filter(revocation_feed::id.eq(FEED))
        .order((revocations::position.is_null().asc(), revocations::position.asc()))
        .limit(bigint(u64::from(most)).saturating_add(most_waiting));
    let feed_position = (
        revocation_feed::head,
        revocation_feed::purged_through,
        revocation_feed::horizon,
        revocation_feed::issued_from,
    );
    let rows: Vec<(FeedRow, Option<RevocationRow>)> = dispatch!(connection, inner => {
        query.select((feed_position, Option::<RevocationRow>::as_select())).load(inner)
    })?;
    let missing = Failure::Corrupt { table: "revocation_feed", column: "id" };
    let &((head, purged_through, horizon, issued_from), _) = rows.first().ok_or(missing)?;
    let mut range = FeedRange {
        head: natural(head),
        purged_through: natural(purged_through),
        horizon: horizon.map(Timestamp::from),
        issued_from: issued_from.map(Timestamp::from),
        entries: Vec::new(),
        waiting: Vec::new(),
    };
    for row in rows.into_iter().filter_map(|(_, row)| row) {
        match row.position {
            Some(_) => range.entries.push(row.try_into()?),
            None => range.waiting.push(row.entry()?),
        }
    }
    Ok(range)
}

/// Returns whether an existing entry covers this one.
fn is_recorded(connection: &mut Connection, entry: &RevocationEntry) -> Result<bool, Failure> {
    let (kind, target, issued_before) = columns(entry.revocation);
    let as_much =
        revocations::issued_before.is_null().or(revocations::issued_before.ge(issued_before));
    let same = revocations::table
        .filter(revocations::target.eq(target))
        .filter(revocations::kind.eq(kind))
        .filter(revocations::until.ge(Instant::from(entry.until)))
        .filter(as_much);
    let look = diesel::select(exists(same));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// Returns the columns of a revocation.
fn columns(revocation: Revocation) -> (&'static str, Key, Option<Instant>) {
    match revocation {
        Revocation::Token(token) => (TOKEN, token.into(), None),
        Revocation::Session(session) => (SESSION, session.into(), None),
        Revocation::Subject { account, issued_before } => {
            (SUBJECT, account.into(), Some(issued_before.into()))
        }
    }
}

const TOKEN: &str = "token";
const SESSION: &str = "session";
const SUBJECT: &str = "subject";

/// A row to insert. The database generates its id; the feed contains a part of that id.
#[derive(Insertable)]
#[diesel(table_name = revocations)]
struct NewRevocationRow {
    kind: &'static str,
    target: Key,
    issued_before: Option<Instant>,
    until: Instant,
    recorded_at: Instant,
}

impl NewRevocationRow {
    fn new(entry: &RevocationEntry, at: Timestamp) -> Self {
        let (kind, target, issued_before) = columns(entry.revocation);
        Self { kind, target, issued_before, until: entry.until.into(), recorded_at: at.into() }
    }
}

/// A stored row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = revocations)]
struct RevocationRow {
    id: Key,
    kind: String,
    target: Key,
    issued_before: Option<Instant>,
    until: Instant,
    position: Option<i64>,
}

impl RevocationRow {
    fn entry(&self) -> Result<RevocationEntry, Failure> {
        let revocation = match (self.kind.as_str(), self.issued_before) {
            (TOKEN, None) => Revocation::Token(TokenId::from(self.target)),
            (SESSION, None) => Revocation::Session(SessionId::from(self.target)),
            (SUBJECT, Some(issued_before)) => Revocation::Subject {
                account: AccountId::from(self.target),
                issued_before: issued_before.into(),
            },
            _ => return Err(Failure::Corrupt { table: "revocations", column: "kind" }),
        };
        Ok(RevocationEntry { revocation, until: self.until.into() })
    }
}

impl TryFrom<RevocationRow> for FeedEntry {
    type Error = Failure;

    fn try_from(row: RevocationRow) -> Result<Self, Failure> {
        let corrupt = Failure::Corrupt { table: "revocations", column: "position" };
        Ok(Self {
            position: row.position.map(natural).ok_or(corrupt)?,
            mark: row.id.tail(),
            entry: row.entry()?,
        })
    }
}
