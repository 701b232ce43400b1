//! The events that the tables do not count yet.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use portcullis_flows::audit::sign_in_statistics::{Period, SignInCell, Step};

use super::counted_by::CountedBy;
use super::counts::CountedEvent;
use super::span::Span;
use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{audit_chains, security_events, sign_in_positions};
use crate::sql_type::Instant;

/// The maximum of events of the audit log that a query reads because they are not counted yet.
const MAX_BEHIND: i64 = 100_000;

/// A chain with events that are not counted yet.
pub(super) struct ChainBehind {
    pub(super) id: i64,
    /// The last event that is counted.
    pub(super) position: i64,
    /// The last event.
    pub(super) head: i64,
}

/// The chains with events that are not counted yet.
pub(super) fn behind(connection: &mut Connection) -> Result<Vec<ChainBehind>, Failure> {
    let chains = sign_in_positions::table
        .inner_join(audit_chains::table.on(audit_chains::id.eq(sign_in_positions::chain)))
        .filter(sign_in_positions::sequence.lt(audit_chains::sequence))
        .order(sign_in_positions::chain)
        .select((sign_in_positions::chain, sign_in_positions::sequence, audit_chains::sequence));
    let rows: Vec<(i64, i64, i64)> = dispatch!(connection, inner => chains.load(inner))?;
    let chain = |(id, position, head)| ChainBehind { id, position, head };
    Ok(rows.into_iter().map(chain).collect())
}

/// The sign-ins of a period that the tables do not count yet.
pub(super) struct Tail(Vec<CountedEvent>);

impl Tail {
    /// Returns `None` if too many events of the audit log are not counted yet.
    pub(super) fn read(
        connection: &mut Connection,
        period: &Period,
    ) -> Result<Option<Self>, Failure> {
        let chains = behind(connection)?;
        let events = chains.iter().map(|chain| chain.head.saturating_sub(chain.position));
        if events.fold(0, i64::saturating_add) > MAX_BEHIND {
            return Ok(None);
        }
        let mut found = Vec::new();
        for chain in chains {
            let events = security_events::table
                .filter(security_events::chain.eq(chain.id))
                .filter(security_events::sequence.gt(chain.position))
                .filter(security_events::at.ge(Instant::from(period.from())))
                .filter(security_events::at.lt(Instant::from(period.until())))
                .filter(sql::<Bool>("kind = 'sign_in'"));
            let events: Vec<CountedEvent> = dispatch!(connection, inner => {
                events.select(CountedEvent::as_select()).load(inner)
            })?;
            found.extend(events);
        }
        Ok(Some(Self(found)))
    }

    /// The cells of the events in a span that is otherwise counted by the tables.
    pub(super) fn cells(&self, span: Option<Span>) -> Vec<SignInCell> {
        let mut cells: HashMap<_, SignInCell> = HashMap::new();
        for event in self.within(span) {
            let (at, outcome) = (Step::Hour.floor(event.at()), event.outcome());
            let cell = cells.entry((at, outcome)).or_insert_with(|| SignInCell {
                at,
                outcome: outcome.to_owned(),
                events: 0,
                without_account: 0,
            });
            cell.events += 1;
            cell.without_account += u64::from(!event.has_account());
        }
        cells.into_values().collect()
    }

    /// Adds the refusals in a span that is otherwise counted by the tables.
    pub(super) fn add_refusals(
        &self,
        span: Option<Span>,
        counted_by: CountedBy,
        to: &mut HashMap<Vec<u8>, u64>,
    ) {
        let refusals = self.within(span).filter(|event| event.is_refusal());
        for key in refusals.filter_map(|event| event.key(counted_by)) {
            *to.entry(key).or_default() += 1;
        }
    }

    fn within(&self, span: Option<Span>) -> impl Iterator<Item = &CountedEvent> {
        let is_within =
            move |event: &&CountedEvent| span.is_some_and(|span| span.covers(event.at()));
        self.0.iter().filter(is_within)
    }
}
