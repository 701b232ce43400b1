//! Contract of `BanStore`, and of the job that deletes bans.

use std::time::Duration;

use portcullis_audit::{Actor, EventKind, Outcome};
use portcullis_flows::effects::Effects;
use portcullis_flows::node::ban::{Ban, BanStore, Imposed, NewBan, StartResult};
use portcullis_flows::node::retention::RetentionStore;
use portcullis_rate_limit::{AddressPrefix, BanPolicy};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::count;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(text: &str) -> AddressPrefix {
    text.parse().unwrap()
}

fn started(result: &StartResult) -> Effects {
    let event = samples::event(EventKind::BanStarted, Outcome::Success, result.ban.started_at);
    Effects::from(event).only_if(result.is_new)
}

fn lift(store: &Store, addresses: &str) -> Option<Ban> {
    let event = samples::event(EventKind::BanLifted, Outcome::Success, NOW);
    let effects = |ban: &Option<Ban>| Effects::from(event.clone()).only_if(ban.is_some());
    store.lift_ban(at(addresses), &effects).unwrap()
}

/// Starts a ban that began so long ago on its node.
fn start(store: &Store, addresses: &str, age: Duration) -> StartResult {
    start_of(store, addresses, age, 10_000, None)
}

fn start_of(
    store: &Store,
    addresses: &str,
    age: Duration,
    max_bans: u32,
    imposed: Option<Imposed<'_>>,
) -> StartResult {
    let (policy, addresses) = (&BanPolicy::default(), at(addresses));
    let age = || age;
    let new = NewBan { addresses, age: &age, policy, imposed, max_bans, effects: &started };
    store.start_ban(&new).unwrap()
}

fn in_force(store: &Store) -> Vec<String> {
    let bans = store.read_bans(None).unwrap().bans.expect("no revision was named");
    let mut texts: Vec<String> = bans.iter().map(|ban| ban.addresses.to_string()).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn a_ban_grows_with_the_former_ones_until_they_are_forgotten() {
    TestDatabase::on_both(|database| {
        let (store, clock) = (database.store(), database.clock());
        for (former, minutes) in [(0, 10), (1, 20), (2, 40)] {
            let StartResult { ban, is_new } = start(store, "192.0.2.1", Duration::ZERO);
            assert!(is_new);
            assert_eq!((ban.former_bans, ban.duration()), (former, minutes * MINUTE));
            assert_eq!(in_force(store), ["192.0.2.1"]);
            clock.advance(ban.duration());
            assert_eq!(in_force(store), [""; 0], "its time is over");
        }
        assert_eq!(start(store, "192.0.2.2", Duration::ZERO).ban.former_bans, 0, "another address");
        clock.advance(1_439 * MINUTE);
        assert_eq!(start(store, "192.0.2.1", Duration::ZERO).ban.former_bans, 3);
        clock.advance(80 * MINUTE + DAY);
        assert_eq!(start(store, "192.0.2.1", Duration::ZERO).ban.former_bans, 0);
        assert_eq!(count(store, "security_events"), 6);
    });
}

#[test]
fn of_many_nodes_that_ban_an_address_at_once_one_starts_the_ban_and_records_it() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let new = at_once(20, |number| {
            let address = ["192.0.2.1", "2001:db8::"][number % 2];
            let result = start(store, address, Duration::from_millis(1) * u32::from(number < 10));
            assert_eq!(result.ban.former_bans, 0);
            u32::from(result.is_new)
        });
        assert_eq!(new.iter().sum::<u32>(), 2, "{database:?}");
        assert_eq!(count(store, "security_events"), 2);
        assert_eq!(in_force(store), ["192.0.2.1", "2001:db8::/64"]);
    });
}

#[test]
fn a_ban_that_waited_for_the_database_begins_when_it_began() {
    TestDatabase::on_both(|database| {
        let (store, clock) = (database.store(), database.clock());
        clock.advance(30 * MINUTE);
        let ban = start(store, "192.0.2.1", 4 * MINUTE).ban;
        assert_eq!((ban.started_at, ban.ends_at), (NOW + 26 * MINUTE, NOW + 36 * MINUTE));
        // The ban of another node, which began while this one lasted, is the same one.
        clock.advance(20 * MINUTE);
        let late = start(store, "192.0.2.1", 15 * MINUTE);
        assert_eq!((late.is_new, late.ban), (false, ban));
        let next = start(store, "192.0.2.1", 14 * MINUTE);
        assert_eq!((next.is_new, next.ban.former_bans), (true, 1));
        assert_eq!(count(store, "security_events"), 2);
    });
}

#[test]
fn an_imposed_ban_replaces_any_other_and_keeps_its_words() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let imposed = |duration, reason| Imposed { duration, by: Actor::Operator, reason };
        let impose =
            |imposed| start_of(store, "2001:db8::7", Duration::ZERO, 10_000, Some(imposed));
        start(store, "2001:db8::1", Duration::ZERO);
        let StartResult { ban, is_new } = impose(imposed(DAY, "a scraper"));
        assert!(is_new);
        assert_eq!((ban.duration(), ban.former_bans), (DAY, 0));
        assert_eq!(
            (ban.imposed_by, ban.reason.as_deref()),
            (Some(Actor::Operator), Some("a scraper"))
        );
        assert_eq!(store.list_bans(None, 10).unwrap().bans, [ban]);
        assert!(!start(store, "2001:db8::1", Duration::ZERO).is_new, "it is banned already");
        let shorter = impose(imposed(MINUTE, "")).ban;
        assert_eq!((shorter.duration(), shorter.reason), (MINUTE, None));
        database.clock().advance(MINUTE);
        assert_eq!(start(store, "2001:db8::1", Duration::ZERO).ban.former_bans, 1);
    });
}

#[test]
fn a_lifted_ban_is_forgotten_and_only_a_present_one_can_be_lifted() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let lift = |address| lift(store, address);
        assert_eq!(lift("192.0.2.1"), None);
        let ban = start(store, "192.0.2.1", Duration::ZERO).ban;
        let ended = at_once(8, |_| lift("192.0.2.1"));
        assert_eq!(ended.iter().flatten().collect::<Vec<_>>(), [&ban], "one of them");
        assert_eq!(in_force(store), [""; 0]);
        assert_eq!(start(store, "192.0.2.1", Duration::ZERO).ban.former_bans, 0);
        database.clock().advance(10 * MINUTE);
        assert_eq!(lift("192.0.2.1"), None, "it has ended by itself");
        assert_eq!(start(store, "192.0.2.1", Duration::ZERO).ban.former_bans, 1);
        assert_eq!(count(store, "security_events"), 4);
    });
}

#[test]
fn the_bans_are_read_after_a_change_only() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let first = store.read_bans(None).unwrap();
        assert_eq!((first.bans, first.at), (Some(Vec::new()), NOW));
        let known = Some(first.revision);
        assert_eq!(store.read_bans(known).unwrap().bans, None);
        let ban = start(store, "192.0.2.1", Duration::ZERO).ban;
        let second = store.read_bans(known).unwrap();
        assert_eq!(second.bans, Some(vec![ban]));
        let known = Some(second.revision);
        assert_eq!(store.read_bans(known).unwrap().bans, None);
        assert!(lift(store, "192.0.2.1").is_some());
        assert_eq!(store.read_bans(known).unwrap().bans, Some(Vec::new()));
    });
}

#[test]
fn the_ban_with_the_earliest_end_makes_room_for_a_new_one() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let start = |address| start_of(store, address, Duration::ZERO, 3, None);
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] {
            assert!(start(address).is_new);
            database.clock().advance(MINUTE);
        }
        assert_eq!(in_force(store), ["192.0.2.2", "192.0.2.3", "192.0.2.4"]);
        let imposed = Imposed { duration: MINUTE, by: Actor::Operator, reason: "" };
        start_of(store, "192.0.2.5", Duration::ZERO, 3, Some(imposed));
        assert_eq!(in_force(store), ["192.0.2.3", "192.0.2.4", "192.0.2.5"], "never the new one");
        assert_eq!(count(store, "bans"), 3);
    });
}

#[test]
fn pages_hold_every_ban_in_force_once() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        start(store, "198.51.100.1", Duration::ZERO);
        database.clock().advance(10 * MINUTE);
        for last in 1..=7 {
            start(store, &format!("192.0.2.{last}"), Duration::ZERO);
            start(store, &format!("2001:db8:0:{last}::"), Duration::ZERO);
        }
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = store.list_bans(after, 5).unwrap();
            assert!(page.bans.len() <= 5 && page.at == NOW + 10 * MINUTE);
            found.extend(page.bans.iter().map(|ban| ban.addresses.to_string()));
            (after, pages) = (page.next, pages + 1);
            if after.is_none() {
                break;
            }
        }
        found.sort_unstable();
        assert_eq!((pages, &found), (3, &in_force(store)));
        assert_eq!(found.len(), 14);
    });
}

#[test]
fn a_step_of_the_clock_of_the_database_keeps_no_ban_for_years() {
    TestDatabase::on_both(|database| {
        let (store, clock) = (database.store(), database.clock());
        clock.set(NOW + 1_000 * DAY);
        start(store, "192.0.2.1", Duration::ZERO);
        assert_eq!(in_force(store), ["192.0.2.1"]);
        clock.set(NOW);
        assert_eq!(in_force(store), [""; 0]);
        assert_eq!(store.list_bans(None, 10).unwrap().bans, []);
        assert!(start(store, "192.0.2.1", Duration::ZERO).is_new, "it can be banned again");
        start(store, "192.0.2.2", Duration::ZERO);
        clock.set(NOW - 5 * MINUTE);
        assert_eq!(in_force(store), ["192.0.2.1", "192.0.2.2"], "a small step ends no ban");
    });
}

#[test]
fn bans_are_deleted_when_they_count_as_former_ones_no_more() {
    TestDatabase::on_both(|database| {
        let (store, clock) = (database.store(), database.clock());
        let remove = || store.remove_bans(DAY, 2).unwrap();
        for last in 1..=3 {
            start(store, &format!("192.0.2.{last}"), Duration::ZERO);
        }
        clock.advance(10 * MINUTE + DAY);
        assert_eq!(remove(), 0, "not yet");
        clock.advance(Duration::from_secs(1));
        start(store, "192.0.2.4", Duration::ZERO);
        assert_eq!([remove(), remove(), remove()], [2, 1, 0]);
        assert_eq!(in_force(store), ["192.0.2.4"]);
        clock.set(NOW - 2 * DAY);
        assert_eq!(remove(), 1, "its start is too far ahead to be true");
    });
}
