//! Contract of `AuditLogStore`.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{
    Actor, Block, Cursor, DecisionId, DecisionRecord, Entry, EventKind, Filter, Origin, Outcome,
    SecurityEvent,
};
use portcullis_domain::{Ambient, SystemRandom, Timestamp};
use portcullis_flows::audit::recording::DecisionStore;
use portcullis_flows::audit::trail::{
    AuditLog, AuditLogError, AuditLogStore, BlockPosition, MAX_BLOCK_BYTES,
};
use portcullis_flows::effects::Effects;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestClock, TestDatabase, at_once};

use crate::audited::{Run, decision, event, person, record};

#[test]
fn an_event_reads_back_as_it_was_recorded() {
    TestDatabase::on_both(|database| {
        let later = NOW + Duration::from_micros(1);
        let bare = samples::event(EventKind::SignIn, Outcome::UnknownAccount, later);
        let origin = Origin { user_agent: None, request_id: None, ..samples::origin() };
        for event in [event(NOW), SecurityEvent { origin, ..bare }] {
            record(database.store(), &event);
            let newest = database.store().events(&Filter::default(), None, 1).unwrap();
            assert_eq!(newest, [(&event).into()]);
        }
    });
}

#[test]
fn every_search_finds_what_a_look_at_every_entry_finds() {
    TestDatabase::on_both(|database| {
        let all = scene(database.store());
        for filter in filters() {
            let mut expected: Vec<&Kept> = all.iter().filter(|it| it.matches(&filter)).collect();
            expected.sort_by_key(|kept| std::cmp::Reverse(kept.cursor()));
            let found = search(database.store(), &filter, 7);
            let expected: Vec<Cursor> = expected.into_iter().map(Kept::cursor).collect();
            assert_eq!(found, expected, "{filter:?} in {database:?}");
        }
    });
}

#[test]
fn pages_have_no_gaps_or_repeats_while_others_append() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let before: Vec<Cursor> = scene(store).iter().map(Kept::cursor).collect();
        let pages = at_once(4, |number| {
            if number == 0 {
                return search(store, &Filter::default(), 3);
            }
            let (mut run, later) = (Run::start(), NOW + Duration::from_secs(3600));
            for _ in 0..20 {
                record(store, &event(later));
                run.decide(store, 2, later);
            }
            Vec::new()
        });
        let found = &pages[0];
        assert!(found.is_sorted_by(|newer, older| newer > older), "{database:?}");
        assert!(before.iter().all(|cursor| found.contains(cursor)), "{database:?}");
    });
}

#[test]
fn a_page_of_blocks_stops_at_four_mebibytes_and_goes_on_with_the_next() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        let attributes = "x".repeat(3 << 20);
        for second in 0..5 {
            let at = NOW + Duration::from_secs(second);
            let large = DecisionRecord { attributes: Some(&attributes), ..decision(at, person(1)) };
            let (sequence, link, block) = run.block(&[large]);
            store.append(sequence, link, &block, &Effects::default()).unwrap();
        }
        let mut pages = Vec::new();
        let mut start = None;
        loop {
            let page = store.blocks(&Filter::default(), None, start, 4).unwrap();
            pages.push(page.blocks.iter().map(|block| block.first_ordinal).collect::<Vec<_>>());
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec![5, 4], vec![3, 2], vec![1]]);
    });
}

#[test]
fn a_block_that_is_too_large_is_named_and_never_read() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        for second in 0..3 {
            run.decide(store, 1, NOW + Duration::from_secs(second));
        }
        let bytes = MAX_BLOCK_BYTES + 1;
        let payload = if database.url().starts_with("postgres") {
            format!("decode(repeat('00', {bytes}), 'hex')")
        } else {
            format!("zeroblob({bytes})")
        };
        let enlarge =
            format!("UPDATE decision_blocks SET payload = {payload} WHERE first_ordinal = 2");
        let in_peace = if database.url().starts_with("postgres") {
            format!("SET LOCAL statement_timeout = 0; {enlarge}")
        } else {
            enlarge
        };
        store.execute(&in_peace).unwrap();

        let newer = store.blocks(&Filter::default(), None, None, 256).unwrap();
        assert_eq!(newer.blocks.iter().map(|it| it.first_ordinal).collect::<Vec<_>>(), [3]);
        let from = NOW + Duration::from_secs(1);
        let named = |found| match found {
            Err(AuditLogError::TooLarge { from, until, bytes }) => (from, until, bytes),
            _ => panic!("the block is too large"),
        };
        let next = store.blocks(&Filter::default(), None, newer.next, 256).map(drop);
        assert_eq!(named(next), (from, from, bytes));
        let decision = DecisionId { chain: run.id(), ordinal: 2 };
        assert_eq!(named(store.block_with(decision).map(drop)), (from, from, bytes));
        let before = Filter { until: Some(from), ..Filter::default() };
        let older = store.blocks(&before, None, None, 256).unwrap();
        assert_eq!(older.blocks.iter().map(|it| it.first_ordinal).collect::<Vec<_>>(), [1]);
    });
}

#[test]
fn blocks_that_begin_too_late_or_cannot_match_are_passed_over_and_not_the_end() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        for second in 0..10 {
            run.decide(store, 1, NOW + Duration::from_secs(second));
        }
        let wanted = Filter { resource: Some("payroll".to_owned()), ..Filter::default() };
        let page = store.blocks(&wanted, None, None, 4).unwrap();
        assert!(page.blocks.is_empty());
        let place = BlockPosition {
            until: NOW + Duration::from_secs(6),
            chain: run.id(),
            first_ordinal: 7,
        };
        assert_eq!(page.next, Some(place));
        let latest = Some(NOW + Duration::from_secs(2));
        let page = store.blocks(&Filter::default(), latest, None, 256).unwrap();
        assert_eq!(page.blocks.iter().map(|it| it.first_ordinal).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(page.next, None);
    });
}

#[test]
fn a_decision_is_found_in_its_block_by_its_id() {
    TestDatabase::on_both(|database| {
        let (store, mut run) = (database.store(), Run::start());
        let blocks: Vec<Block> = (0..3).map(|_| run.decide(store, 5, NOW)).collect();
        for (ordinal, block) in
            [(1, Some(0)), (5, Some(0)), (6, Some(1)), (15, Some(2)), (16, None)]
        {
            let id = DecisionId { chain: run.id(), ordinal };
            let expected = block.map(|number: usize| blocks[number].clone());
            assert_eq!(store.block_with(id).unwrap(), expected, "{ordinal}");
        }
        for unknown in [
            DecisionId { chain: Run::start().id(), ordinal: 1 },
            DecisionId { chain: run.id(), ordinal: u64::MAX },
        ] {
            assert_eq!(store.block_with(unknown).unwrap(), None);
        }
    });
}

#[test]
fn times_beyond_all_calendars_are_searched_for_like_any_other() {
    TestDatabase::on_both(|database| {
        record(database.store(), &event(NOW));
        Run::start().decide(database.store(), 1, NOW);
        let [start, end] = [i64::MIN, i64::MAX].map(Timestamp::from_micros);
        let events =
            |filter: &Filter, before| database.store().events(filter, before, 9).unwrap().len();
        let between =
            |from, until| Filter { from: Some(from), until: Some(until), ..Filter::default() };
        assert_eq!(events(&between(start, end), Some((end, None))), 1);
        assert_eq!(events(&between(end, start), None), 0);
        assert_eq!(events(&Filter::default(), Some((start, None))), 0);
        let blocks = |latest| {
            database.store().blocks(&between(start, end), latest, None, 9).unwrap().blocks.len()
        };
        assert_eq!((blocks(Some(end)), blocks(Some(start))), (1, 0));
    });
}

/// A recorded entry, to compare with the result of a search.
enum Kept {
    Event(SecurityEvent),
    Decision(DecisionId, DecisionRecord<'static>),
}

impl Kept {
    fn entry(&self) -> Entry<'static> {
        match self {
            Self::Event(event) => Entry::of_event(&event.into()).into_owned(),
            Self::Decision(id, decision) => Entry::of_decision(*id, decision).into_owned(),
        }
    }

    fn cursor(&self) -> Cursor {
        Cursor::after(&self.entry())
    }

    fn matches(&self, filter: &Filter) -> bool {
        match self {
            Self::Event(event) => filter.matches_event(&event.into()),
            Self::Decision(_, decision) => filter.matches_decision(decision),
        }
    }
}

/// Two nodes at work: events and blocks that overlap in time, some at the very same moment.
fn scene(store: &Store) -> Vec<Kept> {
    let kinds = [EventKind::SignIn, EventKind::PasswordChange];
    let outcomes = [Outcome::Success, Outcome::WrongPassword, Outcome::Locked];
    let mut runs = [Run::start(), Run::start()];
    let mut kept = Vec::new();
    for (number, byte) in (0..48_u8).enumerate() {
        let at = NOW + Duration::from_secs(u64::from(byte) / 3);
        let subject = person(u128::from(byte) % 4);
        let address = [192, 0, 2, byte % 5].into();
        let origin = Origin { address, ..samples::origin() };
        let event =
            SecurityEvent::new(kinds[number % 2], outcomes[number % 3], &origin, at, &SystemRandom)
                .about(subject)
                .by([Actor::Operator, Actor::Account(person(9))][number % 2]);
        record(store, &event);
        kept.push(Kept::Event(event));

        let run = &mut runs[number % 2];
        let decisions = [0, 1, 2].map(|second| DecisionRecord {
            address,
            resource: ["schedule", "payroll"][number / 2 % 2],
            allowed: number % 3 == 0,
            ..decision(at + Duration::from_secs(second), subject)
        });
        let (sequence, link, block) = run.block(&decisions);
        store.append(sequence, link, &block, &Effects::default()).unwrap();
        kept.extend(decisions.into_iter().zip(block.first_ordinal..).map(|(decision, ordinal)| {
            Kept::Decision(DecisionId { chain: run.id(), ordinal }, decision)
        }));
    }
    kept
}

/// Everything that a search can ask for, alone, and combined with a time.
fn filters() -> Vec<Filter> {
    let none = Filter::default();
    let mut filters = vec![
        none.clone(),
        Filter { kind: Some(EventKind::SignIn), ..none.clone() },
        Filter { kind: Some(EventKind::Unlock), ..none.clone() },
        Filter { kind: Some(EventKind::PermissionCheck), ..none.clone() },
        Filter { outcome: Some(Outcome::Locked), ..none.clone() },
        Filter { outcome: Some(Outcome::Denied), ..none.clone() },
        Filter { actor: Some(person(9)), ..none.clone() },
        Filter { actor: Some(person(1)), ..none.clone() },
        Filter { subject: Some(person(3)), ..none.clone() },
        Filter { subject: Some(person(77)), ..none.clone() },
        Filter { resource: Some("payroll".to_owned()), ..none.clone() },
        Filter { address: Some([192, 0, 2, 4].into()), ..none.clone() },
        Filter { subject: Some(person(2)), outcome: Some(Outcome::Allowed), ..none.clone() },
        Filter { kind: Some(EventKind::SignIn), outcome: Some(Outcome::Success), ..none },
    ];
    let (from, until) = (NOW + Duration::from_secs(4), NOW + Duration::from_secs(9));
    for filter in filters.clone() {
        filters.push(Filter { from: Some(from), ..filter.clone() });
        filters.push(Filter { until: Some(until), ..filter.clone() });
        filters.push(Filter { from: Some(from), until: Some(until), ..filter });
    }
    filters
}

/// What a search finds by pages of so many; the searches themselves, which are recorded, left out.
fn search(store: &Store, filter: &Filter, most: usize) -> Vec<Cursor> {
    let clock = TestClock::new();
    clock.advance(Duration::from_secs(60 * 60 * 24));
    let ambient = Ambient { clock: Arc::new(clock), random: Arc::new(SystemRandom) };
    let trail = AuditLog::new(Arc::new(store.clone()), ambient);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = trail.search(&samples::operator(), filter, after, most).unwrap();
        found.extend(
            page.entries.iter().filter(|it| it.kind != "audit_searched").map(Cursor::after),
        );
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}
