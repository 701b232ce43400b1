//! Concurrent revocations and reads of the feed.

use std::sync::Mutex;
use std::time::Duration;

use portcullis_domain::SystemRandom;
use portcullis_domain::TokenId;
use portcullis_flows::node::revocation::{FeedEntry, RevocationStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Revocation;

use crate::inspect::count;
use crate::member::at;
use crate::revocation::{feed, revoke_entry, token};

/// Reads by position, as a node does, until so many entries were read.
fn follow(store: &Store, entries: usize) -> Vec<FeedEntry> {
    let mut heard: Vec<FeedEntry> = Vec::new();
    while heard.len() < entries {
        store.number_revocations(1, 1).unwrap();
        let next = heard.last().map_or(1, |last| last.position + 1);
        let stretch = store.revocations_from(next, 7).unwrap();
        assert!(stretch.entries.iter().zip(next..).all(|(entry, place)| entry.position == place));
        assert!(stretch.entries.last().is_none_or(|last| last.position <= stretch.head));
        heard.extend(stretch.entries);
    }
    heard
}

#[test]
fn a_commit_that_becomes_visible_late_is_neither_skipped_nor_read_twice() {
    // In SQLite nobody commits between the beginning and the end of a transaction.
    let database = TestDatabase::postgres();
    let (store, early) = (database.store(), TokenId::generate(NOW, &SystemRandom));
    let begun_first = format!(
        "INSERT INTO revocations (kind, target, until, recorded_at)
         VALUES ('token', '{early}', now(), '2001-01-01T00:00:00Z')"
    );
    let late = token();
    database
        .connect()
        .execute_around(&begun_first, || {
            revoke_entry(store, &late, NOW);
            let heard = follow(store, 1);
            assert_eq!(heard[0].entry, late);
        })
        .unwrap();
    let heard = follow(store, 2);
    assert_eq!(heard[0].entry, late, "what was read keeps its place");
    assert_eq!(heard[1].entry.revocation, Revocation::Token(early));
    assert_eq!(feed(store), heard);
}

#[test]
fn followers_read_everything_once_and_in_one_order_while_it_is_being_written() {
    TestDatabase::on_both_crowded(|database| {
        const WRITERS: usize = 8;
        const EACH: usize = 25;
        let store = database.store();
        let written = Mutex::new(Vec::new());
        let heard = at_once(WRITERS + 4, |number| {
            if number >= WRITERS {
                return follow(store, WRITERS * EACH);
            }
            for _ in 0..EACH {
                let entry = token();
                revoke_entry(store, &entry, NOW);
                written.lock().unwrap().push(entry);
            }
            Vec::new()
        });
        let heard = &heard[WRITERS..];
        assert!(heard.iter().all(|follower| *follower == heard[0]), "{database:?}");
        let mut read: Vec<_> =
            heard[0].iter().map(|numbered| name(numbered.entry.revocation)).collect();
        let mut written: Vec<_> =
            written.into_inner().unwrap().iter().map(|entry| name(entry.revocation)).collect();
        read.sort();
        written.sort();
        assert_eq!(read, written);
    });
}

#[test]
fn purges_at_once_remove_each_entry_once_while_others_are_numbered() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let removed = at_once(8, |number| {
            let mut removed = 0;
            for _ in 0..10 {
                if number % 2 == 0 {
                    let entry = token();
                    revoke_entry(store, &entry, NOW);
                    store.number_revocations(1, 1).unwrap();
                } else {
                    removed += purge(store);
                }
            }
            removed
        });
        while purge(store) > 0 {}
        let stretch = store.revocations_from(0, 100).unwrap();
        assert_eq!((stretch.head, stretch.purged_through), (40, 39), "{database:?} {removed:?}");
        assert_eq!(count(store, "revocations"), 1);
    });
}

fn purge(store: &Store) -> u64 {
    let later = at(store, NOW + 2 * HOUR);
    later.purge_revocations(Duration::ZERO, HOUR, 3).unwrap().removed
}

fn name(revocation: Revocation) -> TokenId {
    let Revocation::Token(token) = revocation else { panic!("{revocation:?}") };
    token
}

const HOUR: std::time::Duration = std::time::Duration::from_secs(60 * 60);
