//! Four concurrent clients: two request decisions, one registers and signs in, one activates matrices.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portcullis_domain::SystemClock;
use portcullis_testkit::{ServerProcess, TestDatabase};

use super::client::Client;
use super::notes::Notes;
use crate::history::RandomChoices;
use crate::link::{Link, UnknownOutcome};

/// The clients, each with its step function.
pub(crate) struct TestClients([(Client, Work); 4]);

/// One step of a client; the number counts the steps since the start of the server.
type Work = fn(&mut Client, &Link, u64) -> Result<(), UnknownOutcome>;

impl TestClients {
    /// The clients, signed in on this server.
    pub(crate) fn on(server: &ServerProcess, database: &TestDatabase) -> Self {
        let clock = Arc::new(SystemClock::new());
        let client = |name| Client::new(server.origin(), name, Arc::clone(&clock));
        Self([
            (client("single"), |client, link, _| client.ask(link).map(drop)),
            (client("batch"), |client, link, _| client.ask_batch(link)),
            (client("person"), |client, link, step| match step % 2 {
                0 => client.register(link),
                _ => client.sign_in(link),
            }),
            (
                Client::admin(server.origin(), "chief", Arc::clone(&clock), database),
                |client, link, step| client.activate(link, 1 + (step + 1) % 2),
            ),
        ])
    }

    /// Runs all clients, and injects the fault at a random moment.
    pub(crate) fn work_until(
        &mut self,
        server: &mut ServerProcess,
        chance: &RandomChoices,
        strike: impl FnOnce(&mut ServerProcess),
    ) {
        const MAX_MICROS: u64 = 300_000;
        let link = &Link::to(server.origin());
        thread::scope(|scope| {
            for (client, work) in &mut self.0 {
                scope.spawn(move || {
                    let mut steps = 0..;
                    while steps.next().map(|step| work(client, link, step))
                        != Some(Err(UnknownOutcome::Gone))
                    {}
                });
            }
            // Only a crash ends the wait early.
            server.ended_within(Duration::from_micros(chance.below(MAX_MICROS)));
            strike(server);
        });
    }

    /// The answers to all clients.
    pub(crate) fn notes(&self) -> Notes {
        Notes::of(self.0.iter().map(|(client, _)| &client.notes))
    }

    /// The versions that may be in force: the last acknowledged one, and those requested later.
    pub(crate) fn may_be_in_force(&self) -> &[u64] {
        let [.., (chief, _)] = &self.0;
        &chief.in_force
    }
}
