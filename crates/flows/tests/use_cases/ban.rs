//! Bans on a node: at once in memory, bounded, and as the database says.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use portcullis_domain::{Ambient, SystemRandom};
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::ban::{
    AddressPrefix, Ban, BanAdministration, BanError, BanExemptions, BanPage, BanReading,
    BanSettings, BanStore, Bans, NewBan, StartResult,
};
use portcullis_rate_limit::{BanPolicy, LocalLimiter};
use portcullis_testkit::samples::{NOW, operator};
use portcullis_testkit::{TestClock, TestDatabase};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A store that can be lost.
struct LosableStore {
    store: Arc<dyn BanStore>,
    is_lost: AtomicBool,
}

impl LosableStore {
    fn reach(&self) -> Result<&dyn BanStore, StoreError> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("it is lost".to_owned()));
        }
        Ok(&*self.store)
    }
}

impl BanStore for LosableStore {
    fn start_ban(&self, new: &NewBan<'_>) -> Result<StartResult, StoreError> {
        self.reach()?.start_ban(new)
    }

    fn lift_ban(
        &self,
        addresses: AddressPrefix,
        effects: EffectsOf<'_, Option<Ban>>,
    ) -> Result<Option<Ban>, StoreError> {
        self.reach()?.lift_ban(addresses, effects)
    }

    fn read_bans(&self, known: Option<u64>) -> Result<BanReading, StoreError> {
        self.reach()?.read_bans(known)
    }

    fn list_bans(&self, after: Option<AddressPrefix>, most: u32) -> Result<BanPage, StoreError> {
        self.reach()?.list_bans(after, most)
    }
}

/// A node with a clock of its own.
struct Node {
    bans: Arc<Bans>,
    administration: BanAdministration,
    store: Arc<LosableStore>,
    clock: Arc<TestClock>,
    announced: Arc<AtomicU32>,
    database: TestDatabase,
}

impl Node {
    fn new(exempt: &[&str]) -> Self {
        Self::on(TestDatabase::sqlite(), exempt)
    }

    fn on(database: TestDatabase, exempt: &[&str]) -> Self {
        let store = Arc::new(database.store().clone());
        let store = Arc::new(LosableStore { store, is_lost: AtomicBool::new(false) });
        let clock = Arc::new(TestClock::new());
        let ambient = Ambient { clock: clock.clone(), random: Arc::new(SystemRandom) };
        let exempt = exempt.iter().map(|network| network.parse().unwrap());
        let settings = BanSettings {
            is_automatic: true,
            policy: BanPolicy { offences: 2, ..BanPolicy::default() },
            exemptions: BanExemptions::new(exempt),
        };
        let announced = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&announced);
        let announce = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let (limiter, node) = (Arc::new(LocalLimiter::new(8 << 20)), settings.clone());
        let bans =
            Bans::new(store.clone(), ambient.clone(), limiter, node, Box::new(announce)).unwrap();
        let bans = Arc::new(bans);
        let administration =
            BanAdministration::new(store.clone(), settings, Some(bans.clone()), ambient);
        Self { bans, administration, store, clock, announced, database }
    }

    fn is_refused(&self, address: &str) -> bool {
        self.bans.refuse(address.parse().unwrap()).is_some()
    }

    /// Time passes for the node and for the database.
    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.database.clock().advance(time);
    }

    /// Is refused a second long, then commits three offences; returns whether the caller must
    /// synchronize.
    fn offend(&self, addresses: &[IpAddr]) -> bool {
        let mut must_synchronize = false;
        for _ in 0..4 {
            for address in addresses {
                must_synchronize |= self.bans.note_refusal(*address, 3_600);
            }
            self.pass(SECOND);
        }
        must_synchronize
    }

    fn offend_from(&self, address: &str) -> bool {
        self.offend(&[address.parse().unwrap()])
    }

    fn rows(&self) -> i64 {
        self.database.store().number("SELECT count(*) FROM bans").unwrap()
    }
}

#[test]
fn a_ban_holds_before_the_database_has_it_and_after() {
    let node = Node::new(&[]);
    assert!(node.offend_from("192.0.2.1"), "the first ban must be written");
    assert!(node.is_refused("192.0.2.1") && !node.is_refused("192.0.2.2"));
    assert_eq!((node.rows(), node.bans.active(), node.bans.started()), (0, 1, 0));
    assert!(!node.offend_from("192.0.2.3"), "the caller of the first one writes it too");
    node.bans.synchronize().unwrap();
    assert_eq!((node.rows(), node.bans.active(), node.bans.started()), (2, 2, 2));
    assert_eq!(node.announced.load(Ordering::Relaxed), 1);
    assert!(node.is_refused("192.0.2.1"));
    node.bans.synchronize().unwrap();
    assert_eq!(node.announced.load(Ordering::Relaxed), 1, "nothing has changed");
    assert!(!node.bans.note_refusal("192.0.2.1".parse().unwrap(), 3_600), "it is banned already");
}

#[test]
fn bans_of_an_outage_are_written_after_it_with_their_own_start() {
    let node = Node::new(&[]);
    node.store.is_lost.store(true, Ordering::Relaxed);
    assert!(node.offend_from("192.0.2.1"));
    node.bans.synchronize().unwrap_err();
    node.pass(4 * MINUTE);
    assert!(node.is_refused("192.0.2.1"));
    node.store.is_lost.store(false, Ordering::Relaxed);
    node.bans.synchronize().unwrap();
    let ban = node.administration.list(None, 9).unwrap().bans.remove(0);
    assert_eq!((ban.started_at, ban.duration()), (NOW + 3 * SECOND, 10 * MINUTE));
    // Without the database, the ban of this node ends by itself.
    node.store.is_lost.store(true, Ordering::Relaxed);
    node.pass(6 * MINUTE);
    assert!(!node.is_refused("192.0.2.1"));
}

#[test]
fn no_more_than_a_thousand_bans_wait_for_the_database() {
    let node = Node::new(&[]);
    node.store.is_lost.store(true, Ordering::Relaxed);
    let address = |n: u32| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + n));
    let addresses: Vec<IpAddr> = (0..1_100).map(address).collect();
    node.offend(&addresses);
    assert_eq!(node.bans.active(), 1_000);
    node.store.is_lost.store(false, Ordering::Relaxed);
    node.bans.synchronize().unwrap();
    assert_eq!((node.bans.active(), node.rows()), (1_000, 1_000));
}

#[test]
fn the_database_decides_when_a_ban_ends_and_the_clock_of_the_node_does_not() {
    let node = Node::new(&[]);
    node.offend_from("192.0.2.1");
    node.bans.synchronize().unwrap();
    let left = || node.bans.refuse("192.0.2.1".parse().unwrap()).map(|left| left.as_secs());
    assert_eq!(left(), Some(599));
    let database = node.database.clock();
    database.advance(3 * MINUTE);
    node.bans.synchronize().unwrap();
    assert_eq!(left(), Some(599 - 180), "a step forward");
    database.set(NOW - 4 * MINUTE);
    node.bans.synchronize().unwrap();
    assert_eq!(left(), Some(600), "a step back, and never more than the whole duration");
    database.set(NOW - 1_000 * MINUTE);
    node.bans.synchronize().unwrap();
    assert_eq!(left(), None, "the clock was wrong when the ban began");
    database.set(NOW);
    node.bans.synchronize().unwrap();
    assert!(left().is_some());
    database.set(NOW + 1_000_000 * MINUTE);
    node.bans.synchronize().unwrap();
    assert_eq!(left(), None);
}

#[test]
fn an_exempt_address_is_refused_by_no_ban_of_its_network() {
    let node = Node::new(&["2001:db8::7/128", "192.0.2.0/24"]);
    assert!(node.offend_from("2001:db8::1"));
    assert!(node.is_refused("2001:db8::2") && !node.is_refused("2001:db8::7"));
    assert!(!node.offend_from("2001:db8::7") && !node.offend_from("192.0.2.1"));
    assert!(!node.offend_from("127.0.0.1") && !node.offend_from("::1"));
    // Another node, or the command line, may have another configuration.
    let other = Node::on(node.database.shared(), &[]);
    for address in ["192.0.2.1", "192.0.2.2"] {
        let address = address.parse().unwrap();
        other.administration.impose(&other_operator(), address, MINUTE, "").unwrap();
    }
    node.bans.synchronize().unwrap();
    assert!(other.is_refused("192.0.2.1") && !node.is_refused("192.0.2.1"));
}

/// An operator whose own address is not among those that the tests ban.
fn other_operator() -> portcullis_flows::principal::Principal {
    let mut operator = operator();
    operator.origin.address = [203, 0, 113, 9].into();
    operator
}

#[test]
fn a_lift_ends_a_ban_that_waits_for_the_database_too() {
    let node = Node::new(&[]);
    node.offend_from("192.0.2.1");
    let address = "192.0.2.1".parse().unwrap();
    node.administration.lift(&other_operator(), address).unwrap();
    assert!(!node.is_refused("192.0.2.1"));
    node.bans.synchronize().unwrap();
    assert!(!node.is_refused("192.0.2.1"), "it is not written again");
    let absent = node.administration.lift(&other_operator(), address);
    assert!(matches!(absent, Err(BanError::NotBanned(_))));
    // The offences of before count no more.
    assert!(!node.bans.note_refusal("192.0.2.1".parse().unwrap(), 3_600));
    assert!(!node.is_refused("192.0.2.1"));
}

#[test]
fn an_operator_bans_neither_exempt_addresses_nor_the_own_one_nor_without_end() {
    let node = Node::new(&["192.0.2.0/24"]);
    let impose = |address: &str, duration, reason| {
        let address = address.parse().unwrap();
        node.administration.impose(&other_operator(), address, duration, reason).map(drop)
    };
    assert!(matches!(impose("192.0.2.1", MINUTE, ""), Err(BanError::Exempt(_))));
    assert!(matches!(impose("127.0.0.1", MINUTE, ""), Err(BanError::Exempt(_))));
    assert!(matches!(impose("203.0.113.9", MINUTE, ""), Err(BanError::OwnAddress(_))));
    let year = BanAdministration::MAX_DURATION;
    let long = "a".repeat(257);
    for (duration, reason) in [(Duration::ZERO, ""), (year + SECOND, ""), (MINUTE, &*long)] {
        assert!(matches!(impose("203.0.113.10", duration, reason), Err(BanError::OutOfBounds)));
    }
    impose("203.0.113.10", year, &"a".repeat(256)).unwrap();
    assert!(node.is_refused("203.0.113.10"), "at once");
    assert_eq!(node.announced.load(Ordering::Relaxed), 1);
}
