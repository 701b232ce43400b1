//! `JobStore`: claims and results of exclusive jobs, table `jobs`.

use std::time::Duration;

use diesel::prelude::*;
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::node::job::{Claim, ClaimResult, JobRecord, JobStore, Run};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::jobs;
use crate::sql_type::{Instant, bigint, natural};
use crate::store::Store;

impl JobStore for Store {
    fn claim_job(&self, claim: &Claim<'_>) -> Result<ClaimResult, StoreError> {
        self.write(|connection| {
            let now = connection.now()?;
            if renew(connection, claim, now)? || take(connection, claim, now)? {
                return Ok(ClaimResult::Yes);
            }
            add(connection, claim, now)
        })
    }

    fn finish_job(&self, run: &Run<'_>) -> Result<(), StoreError> {
        self.write(|connection| {
            let now = connection.now()?;
            let held = jobs::table.find(run.job).filter(jobs::holder.eq(run.holder.as_slice()));
            let released = (
                jobs::holder.eq(None::<&[u8]>),
                jobs::held_until.eq(Instant::from(now)),
                jobs::duration_ms.eq(milliseconds(run.duration)),
                jobs::done.eq(jobs::done + bigint(run.done)),
            );
            dispatch!(connection, inner => match run.failure {
                None => diesel::update(held)
                    .set((released, jobs::succeeded_at.eq(Instant::from(now))))
                    .execute(inner),
                Some(failure) => diesel::update(held)
                    .set((
                        released,
                        jobs::failed_at.eq(Instant::from(now)),
                        jobs::failure.eq(failure),
                        jobs::due_at.eq(Instant::from(now + run.retry)),
                    ))
                    .execute(inner),
            })?;
            Ok(())
        })
    }

    fn jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        self.read(|connection| {
            let read_at = connection.now()?;
            let rows: Vec<JobRow> = dispatch!(connection, inner => {
                jobs::table.select(JobRow::as_select()).order(jobs::name).load(inner)
            })?;
            Ok(rows.into_iter().map(|row| row.record(read_at)).collect())
        })
    }
}

/// Extends the claim of a job that this runner holds.
fn renew(connection: &mut Connection, claim: &Claim<'_>, now: Timestamp) -> Result<bool, Failure> {
    let own = jobs::table.find(claim.job).filter(jobs::holder.eq(claim.holder.as_slice()));
    let renew = diesel::update(own).set(jobs::held_until.eq(Instant::from(now + claim.hold)));
    Ok(dispatch!(connection, inner => renew.execute(inner))? == 1)
}

/// Claims a job that is due and free. This one statement is the whole guard.
fn take(connection: &mut Connection, claim: &Claim<'_>, now: Timestamp) -> Result<bool, Failure> {
    let is_free = jobs::held_until
        .le(Instant::from(now))
        .or(jobs::held_until.gt(Instant::from(now + claim.hold)));
    let is_due =
        jobs::due_at.le(Instant::from(now)).or(jobs::due_at.gt(Instant::from(now + claim.every)));
    let take = diesel::update(jobs::table.find(claim.job).filter(is_free).filter(is_due)).set((
        jobs::holder.eq(claim.holder.as_slice()),
        jobs::held_until.eq(Instant::from(now + claim.hold)),
        jobs::every_ms.eq(milliseconds(claim.every)),
        jobs::started_at.eq(Instant::from(now)),
        jobs::due_at.eq(Instant::from(now + claim.every)),
    ));
    Ok(dispatch!(connection, inner => take.execute(inner))? == 1)
}

/// Claims a job that never ran; if it did, returns how long to wait.
fn add(
    connection: &mut Connection,
    claim: &Claim<'_>,
    now: Timestamp,
) -> Result<ClaimResult, Failure> {
    let first = diesel::insert_into(jobs::table).values((
        jobs::name.eq(claim.job),
        jobs::every_ms.eq(milliseconds(claim.every)),
        jobs::holder.eq(claim.holder.as_slice()),
        jobs::held_until.eq(Instant::from(now + claim.hold)),
        jobs::started_at.eq(Instant::from(now)),
        jobs::due_at.eq(Instant::from(now + claim.every)),
    ));
    let first = first.on_conflict_do_nothing();
    if dispatch!(connection, inner => first.execute(inner))? == 1 {
        return Ok(ClaimResult::Yes);
    }
    let query = jobs::table.find(claim.job).select((jobs::due_at, jobs::held_until));
    let (due, held): (Instant, Instant) = dispatch!(connection, inner => query.first(inner))?;
    let wait = |until: Instant| Timestamp::from(until).since(now);
    // A claimed job usually ends before its claim expires.
    Ok(ClaimResult::NotBefore(if wait(due).is_zero() { wait(held) } else { wait(due) }))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
struct JobRow {
    name: String,
    every_ms: i64,
    due_at: Instant,
    started_at: Instant,
    succeeded_at: Option<Instant>,
    failed_at: Option<Instant>,
    failure: Option<String>,
    duration_ms: i64,
}

impl JobRow {
    fn record(self, read_at: Timestamp) -> JobRecord {
        JobRecord {
            name: self.name,
            every: Duration::from_millis(natural(self.every_ms)),
            due_at: self.due_at.into(),
            started_at: self.started_at.into(),
            succeeded_at: self.succeeded_at.map(Timestamp::from),
            failed_at: self.failed_at.map(Timestamp::from),
            failure: self.failure,
            duration: Duration::from_millis(natural(self.duration_ms)),
            read_at,
        }
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
