//! Clients that keep a history, and the rules that check it.
//!
//! After every fault the history is compared with the database and with the answers of the restarted server.
//! The method is that of Jepsen: a lost answer may stand for either outcome, but never for a partial one.

mod choices;
mod client;
mod operation;
mod rules;
mod secrets;
mod session;
mod stored;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use portcullis_testkit::{ServerProcess, TestDatabase};

use crate::link::Link;
pub(crate) use choices::RandomChoices;
pub(crate) use client::Client;
pub(crate) use secrets::leaked;
use stored::Stored;

/// The seed of the random choices.
pub(crate) const SEED: u64 = 0x706f_7274;

/// Concurrent clients: more than the machine has cores, so that requests overlap.
const CLIENTS: u64 = 4;

/// The clients, with sessions on this server.
pub(crate) fn clients(server: &ServerProcess) -> Vec<Client> {
    let link = Link::to(server.origin());
    let mut clients: Vec<Client> = (0..CLIENTS).map(|number| Client::new(number, SEED)).collect();
    for client in &mut clients {
        client.settle(&link).expect("a server without a fault answers");
    }
    clients
}

/// Runs all clients, and injects the fault at a random moment: some microseconds after some steps.
pub(crate) fn work_until(
    clients: &mut [Client],
    server: &mut ServerProcess,
    chance: &RandomChoices,
    strike: impl FnOnce(&mut ServerProcess),
) {
    const MAX_STEPS: u64 = 80;
    const MAX_MICROS: u64 = 6_000;
    let link = &Link::to(server.origin());
    let (progress, steps) = mpsc::channel();
    thread::scope(|scope| {
        for client in clients {
            let progress = progress.clone();
            scope.spawn(move || client.work(link, &progress));
        }
        drop(progress);
        for _ in 0..chance.below(MAX_STEPS) {
            // Without a server there is no progress; the fault injection reports that it is gone.
            let _ = steps.recv();
        }
        // Only a crash ends the wait early.
        server.ended_within(Duration::from_micros(chance.below(MAX_MICROS)));
        strike(server);
    });
}

/// Compares the history with the database, and with the current answers of the server.
pub(crate) fn check(clients: &[Client], database: &TestDatabase, server: &ServerProcess) {
    assert_eq!(rules::broken(&Stored::read(database), clients), Vec::<String>::new());
    let link = Link::to(server.origin());
    for client in clients {
        client.look_around(&link);
    }
}

/// Operations that were done without an answer, which only a killed server may leave.
pub(crate) fn done_without_an_answer(clients: &[Client], database: &TestDatabase) -> Vec<String> {
    rules::done_without_an_answer(&Stored::read(database), clients)
}
