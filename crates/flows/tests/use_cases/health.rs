//! Health: the database answers and accepts writes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use portcullis_flows::StoreError;
use portcullis_flows::node::health::{Health, HealthError, HealthStore, WRITE_INTERVAL};
use portcullis_testkit::TestDatabase;

use crate::deployment::Deployment;

#[test]
fn a_database_that_answers_and_takes_writes_is_healthy_and_keeps_nothing_of_it() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let health =
            Health::new(Arc::new(deployment.database.store().clone()), deployment.clock.clone());
        health.check().unwrap();
        deployment.pass(WRITE_INTERVAL);
        health.check().unwrap();
        assert_eq!(deployment.count("write_probes"), 0);
    });
}

#[test]
fn a_database_that_is_away_is_not_healthy_until_it_is_back() {
    let (database, switch) = TestDatabase::postgres_with_switch();
    let deployment = Deployment::on(database);
    let health =
        Health::new(Arc::new(deployment.database.store().clone()), deployment.clock.clone());
    health.check().unwrap();
    switch.off();
    assert!(matches!(health.check(), Err(HealthError::Unreachable(_))), "within the interval too");
    switch.on();
    health.check().unwrap();
}

#[test]
fn a_write_that_succeeded_stands_for_a_second_and_one_that_failed_for_no_time() {
    let deployment = Deployment::new();
    let (store, health) = watched(&deployment);
    health.check().unwrap();
    deployment.pass(WRITE_INTERVAL / 2);
    store.is_full.store(true, Ordering::SeqCst);
    health.check().unwrap();
    assert_eq!(store.writes(), 1, "one write a second");
    deployment.pass(WRITE_INTERVAL / 2);
    for writes in [2, 3] {
        assert!(matches!(health.check(), Err(HealthError::Unwritable(_))));
        assert_eq!(store.writes(), writes);
    }
    store.is_full.store(false, Ordering::SeqCst);
    health.check().unwrap();
}

#[test]
fn while_one_caller_tries_to_write_the_others_are_told_what_was_found_last() {
    let deployment = Deployment::new();
    let (store, health) = watched(&deployment);
    for is_full in [false, true] {
        store.is_full.store(is_full, Ordering::SeqCst);
        deployment.pass(WRITE_INTERVAL);
        assert_eq!(health.check().is_err(), is_full);
        deployment.pass(WRITE_INTERVAL);
        let writes = store.writes();
        *store.meanwhile.lock().unwrap() = Some(Arc::downgrade(&health));
        assert_eq!(health.check().is_err(), is_full);
        assert_eq!(*store.told.lock().unwrap(), Some(is_full));
        assert_eq!(store.writes(), writes + 1, "of the first caller alone");
    }
}

fn watched(deployment: &Deployment) -> (Arc<WatchedStore>, Arc<Health>) {
    let store = Arc::new(WatchedStore {
        store: Arc::new(deployment.database.store().clone()),
        is_full: AtomicBool::new(false),
        writes: AtomicUsize::new(0),
        meanwhile: Mutex::default(),
        told: Mutex::default(),
    });
    (store.clone(), Arc::new(Health::new(store, deployment.clock.clone())))
}

/// The real store, on a simulated disk that can be full.
struct WatchedStore {
    store: Arc<dyn HealthStore>,
    is_full: AtomicBool,
    writes: AtomicUsize,
    /// What somebody else asks during the next write.
    meanwhile: Mutex<Option<Weak<Health>>>,
    /// Whether they were told that the database is not healthy.
    told: Mutex<Option<bool>>,
}

impl WatchedStore {
    fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

impl HealthStore for WatchedStore {
    fn ping(&self) -> Result<(), StoreError> {
        self.store.ping()
    }

    fn try_write(&self) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let asked = self.meanwhile.lock().unwrap().take();
        if let Some(health) = asked.and_then(|health| health.upgrade()) {
            let told = thread::spawn(move || health.check().is_err()).join().unwrap();
            *self.told.lock().unwrap() = Some(told);
        }
        if self.is_full.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the disk is full".to_owned()));
        }
        self.store.try_write()
    }
}
