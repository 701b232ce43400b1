//! SIGKILL at random moments, under clients that rotate tokens, register, sign in and sign out.

use std::io::{self, Write};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{ServerProcess, TestDatabase};

use crate::environment::{server_on, take_turn};
use crate::history::{self, Client, RandomChoices, SEED};

/// Kills on each of the two databases.
const KILLS: u32 = 150;

/// The number of kills after which the next one hits a start.
const START_TOO: u32 = 8;

/// The maximum time until a start is killed, in microseconds.
const MAX_START: u64 = 60_000;

#[test]
fn kills_lose_nothing_on_sqlite() {
    endure_kills(&TestDatabase::sqlite(), "SQLite");
}

#[test]
fn kills_lose_nothing_on_postgresql() {
    endure_kills(&TestDatabase::postgres(), "PostgreSQL");
}

fn endure_kills(database: &TestDatabase, name: &str) {
    let _turn = take_turn();
    let clock = SystemClock::new();
    let chance = RandomChoices::new(SEED);
    let (mut server, _data) = server_on(database);
    let mut clients = history::clients(&server);
    let mut kills = 0;
    while kills < KILLS {
        history::work_until(&mut clients, &mut server, &chance, ServerProcess::kill);
        kills += 1;
        if kills % START_TOO == 0 {
            server.launch();
            server.ended_within(Duration::from_micros(chance.below(MAX_START)));
            server.kill();
            kills += 1;
        }
        server.restart();
        history::check(&clients, database, &server);
    }
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(history::leaked(&log, database, &clients), Vec::<String>::new());
    // Some kills must hit between a write and its answer; otherwise nothing was tested.
    let unanswered = history::done_without_an_answer(&clients, database).len();
    assert_ne!(unanswered, 0);
    report(
        &format!("{name}: {kills} kills, {unanswered} between deed and answer"),
        &clients,
        &clock,
    );
}

/// Prints the counts past the capture of the test harness.
fn report(kills: &str, clients: &[Client], clock: &SystemClock) {
    let operations: usize = clients.iter().map(|client| client.operations.len()).sum();
    let sessions: usize = clients.iter().map(|client| client.sessions.len()).sum();
    let seconds = clock.monotonic().as_secs();
    let line = format!("{kills}, {operations} operations, {sessions} sessions, {seconds} s\n");
    drop(io::stderr().write_all(line.as_bytes()));
}
