//! Two processes that write one SQLite file, such as a server with a long queue and a command beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::SystemRandom;
use portcullis_flows::effects::{Effects, Message, Recipient};
use portcullis_flows::node::mail::Mail;
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

const WRITES: u64 = 2_000;

/// With the waits of SQLite alone, one of the two waits for 860 to 1,960 writes of the other.
const MAX_WAIT: u64 = 600;

#[test]
fn two_processes_that_write_without_a_pause_take_turns() {
    let database = TestDatabase::sqlite();
    let stores = [database.store().clone(), database.connect()];
    let done = [(); 2].map(|()| AtomicU64::new(0));
    let waits = thread::scope(|scope| {
        let writers = [0, 1].map(|own| {
            let (store, own, other) = (&stores[own], &done[own], &done[1 - own]);
            scope.spawn(move || {
                let writes = (0..WRITES).map(|_| {
                    let before = other.load(Ordering::Relaxed);
                    write(store);
                    own.fetch_add(1, Ordering::Relaxed);
                    other.load(Ordering::Relaxed) - before
                });
                writes.max().unwrap()
            })
        });
        writers.map(|writer| writer.join().unwrap())
    });
    assert!(waits.iter().all(|wait| *wait < MAX_WAIT), "{waits:?} writes of the other");
}

fn write(store: &Store) {
    let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW);
    let recipient = Recipient::Holder(samples::account("ada").id);
    let messages = vec![Message::about(&event, recipient, Mail::Test, &SystemRandom)];
    store.append_effects(Effects { events: vec![event], messages }).unwrap();
}
