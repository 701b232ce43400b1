//! Tests of reading accounts, and of their cache.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_domain::{Account, AccountId, SystemClock};
use portcullis_flows::StoreError;
use portcullis_flows::identity::account::{AccountStore, Accounts};
use portcullis_testkit::{TestClock, at_once, samples};

use crate::deployment::Deployment;

#[test]
fn an_account_is_read_as_it_is_stored_now() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let read = node.accounts.read(ada.id).unwrap();
    assert_eq!(read.as_deref().map(Deref::deref), Some(&ada));
    deployment.database.store().execute("UPDATE accounts SET role = 'auditor'").unwrap();
    let read = node.accounts.read(ada.id).unwrap().unwrap();
    assert_eq!(read.role.as_str(), "auditor");
}

#[test]
fn an_account_that_was_just_read_needs_no_database() {
    let deployment = Deployment::new();
    let (ada, grace, node) =
        (deployment.enrol("ada"), deployment.enrol("grace"), deployment.node());
    assert!(node.accounts.recent(ada.id).is_none());
    node.accounts.read(ada.id).unwrap();
    let recent = node.accounts.recent(ada.id);
    assert_eq!(recent.as_deref().map(Deref::deref), Some(&ada));
    assert!(node.accounts.recent(grace.id).is_none());
    deployment.clock.advance(Accounts::MAX_AGE);
    assert!(node.accounts.recent(ada.id).is_none());
}

#[test]
fn what_is_asked_for_often_is_read_again_once_and_nobody_waits_for_it() {
    let store = Arc::new(CountingStore::default());
    let accounts = Accounts::start(store.clone(), Arc::new(SystemClock::new())).unwrap();
    let id = samples::account("ada").id;
    // The machine may stall for longer than the cache remembers.
    let is_renewed = (0..10).any(|_| {
        accounts.read(id).unwrap();
        let before = store.reads();
        let always_there = at_once(8, |_| {
            while accounts.recent(id).is_some() && store.reads() == before {
                std::thread::yield_now();
            }
            accounts.recent(id).is_some()
        });
        !always_there.contains(&false) && store.reads() == before + 1
    });
    assert!(is_renewed);
}

/// A store that has every account and counts its queries.
#[derive(Default)]
struct CountingStore(AtomicUsize);

impl CountingStore {
    fn reads(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl AccountStore for CountingStore {
    fn account(&self, _: AccountId) -> Result<Option<Account>, StoreError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Some(samples::account("ada")))
    }
}

#[test]
fn the_age_of_an_account_counts_from_the_beginning_of_its_read() {
    let clock = Arc::new(TestClock::new());
    let store = Arc::new(SlowStore(clock.clone()));
    let accounts = Accounts::start(store, clock).unwrap();
    let id = samples::account("ada").id;
    assert!(accounts.read(id).unwrap().is_some());
    assert!(accounts.recent(id).is_none());
}

/// A store whose answer takes longer than an account is kept.
struct SlowStore(Arc<TestClock>);

impl AccountStore for SlowStore {
    fn account(&self, _: AccountId) -> Result<Option<Account>, StoreError> {
        self.0.advance(Accounts::MAX_AGE);
        Ok(Some(samples::account("ada")))
    }
}

#[test]
fn an_account_that_does_not_exist_is_not_found() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    deployment.database.store().execute("DELETE FROM accounts").unwrap();
    for id in [ada.id, samples::account("nobody").id] {
        assert!(node.accounts.read(id).unwrap().is_none());
        assert!(node.accounts.recent(id).is_none());
    }
}
