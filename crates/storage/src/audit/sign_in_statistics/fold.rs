//! Counts events in the order of their chains, and takes the counts of deleted events back.
//!
//! A chain is appended to in the order of its commits, so an event behind a position is never committed after
//! the position has passed it, however late its own time is.

use diesel::prelude::*;
use portcullis_flows::node::job::BatchResult;

use super::counts::{Change, CountedEvent, Counts};
use super::tail::behind;
use crate::connection::{Connection, Lock, dispatch};
use crate::failure::Failure;
use crate::schema::{security_events, sign_in_positions};
use crate::sql_type::natural;

/// Counts at most `most` events after the positions, and advances the positions by them.
pub(super) fn fold(connection: &mut Connection, most: u32) -> Result<BatchResult, Failure> {
    Lock::SignInCounts.take(connection)?;
    let (mut counts, mut left) = (Counts::default(), i64::from(most));
    let mut more = false;
    for chain in behind(connection)? {
        if left == 0 {
            more = true;
            break;
        }
        let next = security_events::table
            .filter(security_events::chain.eq(chain.id))
            .filter(security_events::sequence.gt(chain.position))
            .filter(security_events::sequence.le(chain.head))
            .order(security_events::sequence)
            .limit(left);
        let events: Vec<CountedEvent> = dispatch!(connection, inner => {
            next.select(CountedEvent::as_select()).load(inner)
        })?;
        left = left.saturating_sub(i64::try_from(events.len()).unwrap_or(i64::MAX));
        // Where the limit ended the events, others follow; else nothing is left up to the head.
        let last = events.last().map(|event| event.sequence).filter(|_| left == 0);
        let position = last.unwrap_or(chain.head);
        let passed = sign_in_positions::table
            .find(chain.id)
            .filter(sign_in_positions::sequence.eq(chain.position));
        let advance = diesel::update(passed).set(sign_in_positions::sequence.eq(position));
        if dispatch!(connection, inner => advance.execute(inner))? == 1 {
            for event in &events {
                counts.count(event);
            }
        }
        more |= position < chain.head;
    }
    counts.store(connection, Change::Add)?;
    Ok(BatchResult { done: natural(i64::from(most) - left), more })
}

/// Deletes the events of a chain up to this sequence, and takes back the counts of those that are counted.
/// Returns the number of deleted events.
pub(crate) fn forget(
    connection: &mut Connection,
    chain: i64,
    through: i64,
) -> Result<usize, Failure> {
    Lock::SignInCounts.take(connection)?;
    let position = sign_in_positions::table.find(chain).select(sign_in_positions::sequence);
    let position: Option<i64> = dispatch!(connection, inner => position.first(inner).optional())?;
    let removed = security_events::table
        .filter(security_events::chain.eq(chain))
        .filter(security_events::sequence.le(through));
    let remove = diesel::delete(removed);
    let removed: Vec<CountedEvent> = dispatch!(connection, inner => {
        remove.returning(CountedEvent::as_returning()).get_results(inner)
    })?;
    let mut counts = Counts::default();
    let is_counted = |event: &&CountedEvent| position.is_some_and(|last| event.sequence <= last);
    for event in removed.iter().filter(is_counted) {
        counts.count(event);
    }
    counts.store(connection, Change::Subtract)?;
    Ok(removed.len())
}
