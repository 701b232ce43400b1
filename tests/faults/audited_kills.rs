//! SIGKILL at random moments, under clients that request decisions, register, sign in and activate
//! matrices. Only answered decisions may be lost, and only those of one window.

use std::io::{self, Write};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{ServerProcess, TestDatabase};

use crate::environment::{folder, start, take_turn};
use crate::history::{RandomChoices, SEED};
use crate::trail::{self, Recorded, TestClients};

/// Kills on each of the two databases: as servers run by default, and with `strict`.
const KILLS: [u32; 2] = [30, 20];

/// The number of kills between two verifications of the audit log.
const PROVEN_EVERY: u32 = 5;

/// The window of these servers: the maximum time whose decisions a crash may lose.
const WINDOW: Duration = Duration::from_millis(200);

#[test]
fn kills_take_no_event_and_no_more_than_a_window_of_decisions_on_sqlite() {
    endure_kills(&TestDatabase::sqlite(), "SQLite");
}

#[test]
fn kills_take_no_event_and_no_more_than_a_window_of_decisions_on_postgresql() {
    endure_kills(&TestDatabase::postgres(), "PostgreSQL");
}

fn endure_kills(database: &TestDatabase, name: &str) {
    let _turn = take_turn();
    let data = folder();
    let [usual, strict] = KILLS;
    let server = start(data.path(), database.url(), &[("PORTCULLIS__AUDIT__WINDOW_MS", "200")]);
    let mut clients = TestClients::on(&server, database);
    let clock = SystemClock::new();
    let taken = kill(&mut clients, server, database, usual);
    // Otherwise the window was not tested.
    assert_ne!(taken, 0);

    let server = start(data.path(), database.url(), &[("PORTCULLIS__AUDIT__STRICT", "true")]);
    let taken_strictly = kill(&mut clients, server, database, strict) - taken;
    assert_eq!(taken_strictly, 0);

    let notes = clients.notes();
    let (decisions, events) = (notes.decisions.len(), notes.events.len());
    let seconds = clock.monotonic().as_secs();
    // Written past the capture of the test harness, so that the counts are always printed.
    let line = format!(
        "{name}: {} kills took {taken} of {decisions} decisions and none of {events} events, \
         {seconds} s\n",
        usual + strict
    );
    drop(io::stderr().write_all(line.as_bytes()));
}

/// Kills the server the given number of times. Returns the number of answered decisions that are lost.
fn kill(
    clients: &mut TestClients,
    mut server: ServerProcess,
    database: &TestDatabase,
    kills: u32,
) -> usize {
    let chance = RandomChoices::new(SEED);
    let elsewhere = folder();
    let kept = elsewhere.path().join("checkpoint.json");
    trail::keep_checkpoint(&server, &kept);
    for kill in 1..=kills {
        clients.work_until(&mut server, &chance, ServerProcess::kill);
        if kill % PROVEN_EVERY == 0 {
            trail::verify(&server, Some(&kept)).assert_intact();
            trail::keep_checkpoint(&server, &kept);
        }
        server.restart();
        let in_force = "SELECT version FROM matrix_activations ORDER BY revision DESC LIMIT 1";
        let in_force = database.store().number(in_force).expect("the database answers");
        let in_force = u64::try_from(in_force).expect("versions are counted from 1");
        let may_be = clients.may_be_in_force();
        assert!(may_be.contains(&in_force), "{in_force} instead of {may_be:?}");
    }
    let (recorded, notes) = (Recorded::read(&server), clients.notes());
    assert_eq!(trail::broken(&recorded, &notes, WINDOW), Vec::<String>::new());
    assert!(!server.log().contains("panicked"), "{}", server.log());
    trail::lost(&recorded, &notes)
}
