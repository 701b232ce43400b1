//! Search: pages over both kinds of entries, newest first.

use portcullis_audit::{
    Block, BlockError, BlockWriter, Cursor, DecisionRecord, Entry, EntryId, EventKind, EventRecord,
    Filter, NewestFirst, Outcome,
};
use proptest::prelude::*;

use crate::sample::{Texts, account, chain, decision, event, keys, time};

/// The stored entries, in the order of storage.
#[derive(Clone, Debug, Default)]
struct Stored {
    events: Vec<EventRecord>,
    blocks: Vec<Block>,
}

impl Stored {
    /// An event at each of the times, and a block of each list of times.
    fn new(events: &[i64], blocks: &[Vec<i64>]) -> Self {
        let mut stored = Self::default();
        for (number, at) in (0..).zip(events) {
            stored.events.push(EventRecord { at: time(*at), ..event(number) });
        }
        for (id, times) in (16..).zip(blocks) {
            stored.blocks.push(block(id, times));
        }
        stored.in_order()
    }

    fn in_order(mut self) -> Self {
        self.events.sort_by_key(|it| std::cmp::Reverse((it.at, it.id)));
        self.blocks.sort_by_key(|it| std::cmp::Reverse(it.until));
        self
    }

    fn read(&self, filter: &Filter, after: Option<Cursor>) -> impl Iterator<Item = Entry<'static>> {
        let events = self.events.iter().cloned().map(Ok);
        let blocks = self.blocks.iter().cloned().map(Ok);
        NewestFirst::<_, _>::new(filter, after, events, blocks)
            .map(|entry: Result<_, BlockError>| entry.unwrap())
    }

    /// Everything that matches, found the plain way.
    fn expected(&self, filter: &Filter) -> Vec<Cursor> {
        let mut found: Vec<_> = self
            .events
            .iter()
            .filter(|it| filter.matches_event(it))
            .map(|it| Cursor { at: it.at, id: EntryId::Event(it.id) })
            .collect();
        for block in &self.blocks {
            let mut reader = portcullis_audit::BlockReader::new(&block.payload).unwrap();
            while let Some((id, record)) = reader.read().unwrap() {
                if filter.matches_decision(&record) {
                    found.push(Cursor { at: record.at, id: EntryId::Decision(id) });
                }
            }
        }
        found.sort_by_key(|it| std::cmp::Reverse(*it));
        found
    }
}

fn block(id: i64, times: &[i64]) -> Block {
    let mut writer = BlockWriter::new(&keys(), chain(id), 1);
    for (number, at) in (0..).zip(times) {
        writer.push(&DecisionRecord { at: time(*at), ..decision(number, &Texts::of(number)) });
    }
    writer.finish().unwrap()
}

fn stored() -> impl Strategy<Value = Stored> {
    let times = || prop::collection::vec(0..20_i64, 1..8);
    (times(), prop::collection::vec(times(), 0..5))
        .prop_map(|(it, blocks)| Stored::new(&it, &blocks))
}

fn filters() -> impl Strategy<Value = Filter> {
    let time_of = || prop::option::of((0..20_i64).prop_map(time));
    let kinds = vec![EventKind::SignIn, EventKind::PermissionCheck, EventKind::SignOut];
    let outcomes = vec![Outcome::Allowed, Outcome::Denied, Outcome::WrongPassword];
    let accounts = || prop::option::of((0..4_u128).prop_map(account));
    (
        (time_of(), time_of()),
        prop::option::of(prop::sample::select(kinds)),
        prop::option::of(prop::sample::select(outcomes)),
        (accounts(), accounts()),
        prop::option::of(Just("absence".to_owned())),
        prop::option::of(Just([192, 0, 2, 7].into())),
    )
        .prop_map(|(times, kind, outcome, (actor, subject), resource, address)| Filter {
            from: times.0,
            until: times.1,
            kind,
            outcome,
            actor,
            subject,
            resource,
            address,
        })
}

#[test]
fn blocks_that_are_larger_than_may_be_held_come_in_the_same_order() {
    let text = format!("\"{}\"", "x".repeat(1 << 20));
    let mut stored = Stored::new(&[5, 25, 45], &[]);
    for id in 16..19 {
        let mut writer = BlockWriter::new(&keys(), chain(id), 1);
        for number in 0..40 {
            let at = time(i64::try_from(number * 17 % 40).unwrap());
            let texts = Texts::of(number);
            let sample = decision(number, &texts);
            writer.push(&DecisionRecord { at, attributes: Some(&text), ..sample });
        }
        stored.blocks.push(writer.finish().unwrap());
    }
    let stored = stored.in_order();
    for after in [None, stored.expected(&Filter::default()).get(50).copied()] {
        let filter = Filter::default();
        let found: Vec<_> = stored.read(&filter, after).map(|it| Cursor::after(&it)).collect();
        let mut expected = stored.expected(&filter);
        expected.retain(|position| after.is_none_or(|after| *position < after));
        assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn entries_come_newest_first_and_none_is_left_out(stored in stored(), filter in filters()) {
        let found: Vec<_> = stored.read(&filter, None).map(|it| Cursor::after(&it)).collect();
        prop_assert_eq!(found, stored.expected(&filter));
    }

    #[test]
    fn pages_neither_overlap_nor_leave_gaps_while_new_entries_arrive(
        stored in stored(),
        size in 1_usize..5,
    ) {
        let (filter, expected) = (Filter::default(), stored.expected(&Filter::default()));
        let (mut stored, mut found, mut cursor) = (stored, Vec::new(), None);
        for number in 0.. {
            let page: Vec<_> = stored.read(&filter, cursor).take(size).collect();
            let Some(last) = page.last() else { break };
            let text = Cursor::after(last).to_string();
            cursor = Some(text.parse().unwrap());
            found.extend(page.iter().map(Cursor::after));
            stored.events.push(EventRecord { at: time(100 + number), ..event(900) });
            stored.blocks.push(block(90 + number, &[100 + number]));
            stored = stored.in_order();
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_query_for_events_after_a_cursor_gives_those_after_it(stored in stored()) {
        for cursor in stored.expected(&Filter::default()) {
            let (at, before) = cursor.events_before();
            for event in &stored.events {
                let by_query = event.at < at || event.at == at && before.is_none_or(|id| event.id < id);
                let position = Cursor { at: event.at, id: EntryId::Event(event.id) };
                prop_assert_eq!(by_query, position < cursor);
            }
        }
    }
}

/// Counts what is read.
#[test]
fn no_more_is_read_than_the_page_needs() {
    let stored = Stored::new(&[1, 2, 3, 50], &[vec![1, 2], vec![3, 4], vec![40, 60]]);
    let read = std::cell::Cell::new((0, 0));
    let events = stored.events.iter().cloned().map(Ok).inspect(|_| {
        read.set((read.get().0 + 1, read.get().1));
    });
    let blocks = stored.blocks.iter().cloned().map(Ok).inspect(|_| {
        read.set((read.get().0, read.get().1 + 1));
    });
    let filter = Filter::default();
    let mut entries = NewestFirst::new(&filter, None, events, blocks);
    let newest: Result<_, BlockError> = entries.next().unwrap();
    assert_eq!(newest.unwrap().at, time(60));
    // One of each source, and a look at the next.
    assert_eq!(read.get(), (2, 2));
}

#[test]
fn a_source_that_fails_says_so_at_once() {
    let filter = Filter::default();
    let events = [Ok(event(1)), Err(BlockError::Header)];
    let mut entries = NewestFirst::new(&filter, None, events, std::iter::empty());
    assert!(entries.next().unwrap().is_err());
    let damaged = Block { payload: vec![2], ..block(16, &[1]) };
    let blocks = [Ok::<_, BlockError>(damaged)];
    let mut entries = NewestFirst::new(&filter, None, std::iter::empty(), blocks);
    assert_eq!(entries.next().unwrap().unwrap_err(), BlockError::Header);
}

#[test]
fn each_member_of_a_filter_must_hold() {
    let record = EventRecord { actor: account(3).to_string(), ..event(1) };
    let base = Filter::default();
    for (filter, expected) in [
        (Filter { from: Some(time(1)), ..base.clone() }, true),
        (Filter { from: Some(time(2)), ..base.clone() }, false),
        (Filter { until: Some(time(1)), ..base.clone() }, false),
        (Filter { until: Some(time(2)), ..base.clone() }, true),
        (Filter { kind: Some(EventKind::SignIn), ..base.clone() }, true),
        (Filter { kind: Some(EventKind::SignOut), ..base.clone() }, false),
        (Filter { outcome: Some(Outcome::WrongPassword), ..base.clone() }, true),
        (Filter { outcome: Some(Outcome::Success), ..base.clone() }, false),
        (Filter { actor: Some(account(3)), ..base.clone() }, true),
        (Filter { actor: Some(account(1)), ..base.clone() }, false),
        (Filter { subject: Some(account(1)), ..base.clone() }, true),
        (Filter { subject: Some(account(3)), ..base.clone() }, false),
        (Filter { resource: Some("schedule".to_owned()), ..base.clone() }, false),
        (Filter { address: Some([192, 0, 2, 7].into()), ..base.clone() }, true),
        (Filter { address: Some([192, 0, 2, 8].into()), ..base.clone() }, false),
    ] {
        assert_eq!(filter.matches_event(&record), expected, "{filter:?}");
    }
}

#[test]
fn a_filter_says_which_source_need_not_be_read() {
    let base = Filter::default();
    let kind = |kind| Filter { kind: Some(kind), ..base.clone() };
    let outcome = |outcome| Filter { outcome: Some(outcome), ..base.clone() };
    for (filter, events, decisions) in [
        (base.clone(), true, true),
        (kind(EventKind::SignIn), true, false),
        (kind(EventKind::PermissionCheck), false, true),
        (outcome(Outcome::Denied), true, true),
        (outcome(Outcome::Locked), true, false),
        (Filter { resource: Some("schedule".to_owned()), ..base.clone() }, false, true),
    ] {
        let found = (filter.may_match_events(), filter.may_match_decisions());
        assert_eq!(found, (events, decisions), "{filter:?}");
    }
    let block = block(16, &[5, 9]);
    for (from, until, expected) in [
        (None, Some(5), false),
        (None, Some(6), true),
        (Some(9), None, true),
        (Some(10), None, false),
    ] {
        let filter = Filter { from: from.map(time), until: until.map(time), ..base.clone() };
        let found = filter.may_match_block(block.from, block.until, &block.filter);
        assert_eq!(found, expected, "{filter:?}");
    }
}
