//! Failure counters of the lockout, table `sign_in_failures`.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Integer;
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::sign_in::lockout::{CounterState, FailureCounter};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_token::Digest;

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::schema::sign_in_failures;
use crate::sign_in::epoch;
use crate::sql_type::{Instant, Key};

/// The end of no wait: it is over at every time, also when the clock of the database has gone back.
const OPEN: Timestamp = Timestamp::from_seconds(0);

/// Deletes the failure counter unless it is closed; returns whether it is open.
///
/// Wait times use the clock of the database, not the clock of this node. If another transaction
/// closes the counter after the time is read, the counter stays closed beyond that time.
pub(crate) fn forget_failures(
    connection: &mut Connection,
    counter: &Digest,
) -> Result<bool, Failure> {
    let (counter_key, now) = (counter.as_bytes().as_slice(), Instant::from(connection.now()?));
    let counter = sign_in_failures::table.find(counter_key);
    let forget = diesel::delete(counter.filter(sign_in_failures::closed_until.le(now)));
    dispatch!(connection, inner => forget.execute(inner))?;
    // A failure that was counted meanwhile creates a row, but not a closed one.
    is_open_at(connection, counter_key, now)
}

/// Deletes a counter that is closed for good. A wait, which is far shorter, goes on.
pub(crate) fn end_permanent(connection: &mut Connection, counter: &Digest) -> Result<(), Failure> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let far = Instant::from(connection.now()? + YEAR);
    let counter = sign_in_failures::table.find(counter.as_bytes().as_slice());
    let end = diesel::delete(counter.filter(sign_in_failures::closed_until.gt(far)));
    dispatch!(connection, inner => end.execute(inner))?;
    Ok(())
}

/// Returns whether the failure counter is open.
pub(crate) fn is_open(connection: &mut Connection, counter: &Digest) -> Result<bool, Failure> {
    let now = Instant::from(connection.now()?);
    is_open_at(connection, counter.as_bytes(), now)
}

fn is_open_at(connection: &mut Connection, counter: &[u8], now: Instant) -> Result<bool, Failure> {
    let closed =
        sign_in_failures::table.find(counter).filter(sign_in_failures::closed_until.gt(now));
    let look = diesel::select(diesel::dsl::exists(closed));
    let closed: bool = dispatch!(connection, inner => look.get_result(inner))?;
    Ok(!closed)
}

/// Counts a failure in one conditional statement, unless the counter is closed.
pub(crate) fn count_failure(
    connection: &mut Connection,
    counter: &FailureCounter,
    policy: &LockoutPolicy,
) -> Result<CounterState, Failure> {
    use diesel::query_dsl::methods::FilterDsl;

    let now = connection.now()?;
    let key = counter.key.as_bytes().as_slice();
    let owner = counter.owner;
    let owner = (
        sign_in_failures::account_id.eq(owner.map(|owner| Key::from(owner.account))),
        sign_in_failures::kind.eq(owner.map(|owner| owner.kind.as_str())),
        sign_in_failures::password_epoch.eq(owner.and_then(|it| it.epoch).map(epoch::stored)),
    );
    let forgotten = sign_in_failures::last_failed_at.lt(Instant::from(now - policy.forget_after));
    let count = diesel::insert_into(sign_in_failures::table)
        .values((
            sign_in_failures::counter.eq(key),
            sign_in_failures::recent.eq(1),
            sign_in_failures::in_a_row.eq(1),
            sign_in_failures::last_failed_at.eq(Instant::from(now)),
            sign_in_failures::closed_until.eq(Instant::from(OPEN)),
            owner,
        ))
        .on_conflict(sign_in_failures::counter)
        .do_update()
        .set((
            sign_in_failures::recent.eq(diesel::dsl::case_when(forgotten, 1.into_sql::<Integer>())
                .otherwise(sign_in_failures::recent + 1)),
            sign_in_failures::in_a_row.eq(sign_in_failures::in_a_row + 1),
            sign_in_failures::last_failed_at.eq(Instant::from(now)),
            owner,
        ))
        .filter(sign_in_failures::closed_until.le(Instant::from(now)))
        .returning((sign_in_failures::recent, sign_in_failures::in_a_row));
    let failures: Option<(i32, i32)> =
        dispatch!(connection, inner => count.get_result(inner).optional())?;
    let Some((recent, in_a_row)) = failures else {
        return Ok(CounterState::Closed);
    };

    // The statement above locks the row, so no other failure is counted in between.
    let until = policy.closed_until(recent.unsigned_abs(), in_a_row.unsigned_abs(), now);
    let until = if until > now { until } else { OPEN };
    let close = diesel::update(sign_in_failures::table.find(key))
        .set(sign_in_failures::closed_until.eq(Instant::from(until)));
    dispatch!(connection, inner => close.execute(inner))?;
    Ok(CounterState::Open)
}

/// Locks the counters of an account, which every operation locks before the account.
pub(crate) fn lock_all(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    if let Inner::Postgres(inner) = &mut connection.inner {
        let all = sign_in_failures::table
            .filter(sign_in_failures::account_id.eq(Key::from(account)))
            .order(sign_in_failures::counter)
            .select(sign_in_failures::in_a_row);
        let _: Vec<i32> = all.for_update().load(inner)?;
    }
    Ok(())
}

/// Deletes the counters of a deleted account.
pub(crate) fn delete_all(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let all = sign_in_failures::table.filter(sign_in_failures::account_id.eq(Key::from(account)));
    dispatch!(connection, inner => diesel::delete(all).execute(inner))?;
    Ok(())
}
