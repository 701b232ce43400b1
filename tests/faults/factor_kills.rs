//! SIGKILL while owners add, use and remove authenticator apps and passkeys: no code is accepted twice, no
//! factor is half enrolled, and every owner gets in afterwards.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{ServerProcess, TestDatabase};

use crate::environment::{folder, start, take_turn};
use crate::history::{RandomChoices, SEED};
use crate::link::Link;
use crate::owners::{self, BASE_URL, Connection, Kind, Owner};
use crate::trail;

/// The requests that kills hit in turn.
const AIMS: [Kind; 8] = [
    Kind::AppConfirmation,
    Kind::SecondStep,
    Kind::PasskeyRegistration,
    Kind::PasskeySignIn,
    Kind::AppEnrolment,
    Kind::AppRemoval,
    Kind::PasskeyRemoval,
    Kind::Password,
];

/// Kills on each of the two databases.
const KILLS: usize = 4 * AIMS.len();

/// More than the machine has cores, so that requests overlap.
const OWNERS: u64 = 4;

#[test]
fn kills_use_no_code_twice_and_lock_no_owner_out_on_sqlite() {
    endure_kills(&TestDatabase::sqlite(), "SQLite");
}

#[test]
fn kills_use_no_code_twice_and_lock_no_owner_out_on_postgresql() {
    endure_kills(&TestDatabase::postgres(), "PostgreSQL");
}

fn endure_kills(database: &TestDatabase, name: &str) {
    let _turn = take_turn();
    let (clock, chance, data) = (SystemClock::new(), RandomChoices::new(SEED), folder());
    let mut server = start(data.path(), database.url(), &[BASE_URL]);
    let link = Link::to(server.origin());
    let mut owners: Vec<Owner> =
        (0..OWNERS).map(|number| Owner::register(&link, number, SEED)).collect();
    for kill in 0..KILLS {
        let aim = AIMS[kill % AIMS.len()];
        let delay = Duration::from_micros(chance.below(aim.window()));
        if (kill / AIMS.len()).is_multiple_of(2) {
            // Only a crash ends the wait early.
            let wait = |server: &mut ServerProcess| {
                server.ended_within(delay);
            };
            work_until(&mut owners, &mut server, aim, wait);
        } else {
            let wait = |server: &mut ServerProcess| wait_until_stored(database, server, aim);
            work_until(&mut owners, &mut server, aim, wait);
        }
        server.restart();
        assert_eq!(owners::broken(database, &owners), Vec::<String>::new(), "kill {kill}, {aim:?}");
    }
    let link = Link::to(server.origin());
    let connection = Connection { link: &link, progress: mpsc::channel().0 };
    for owner in &mut owners {
        owner.settle(&connection).expect("a server without a fault answers");
    }
    assert_eq!(owners::broken(database, &owners), Vec::<String>::new());
    trail::verify(&server, None).assert_intact();
    assert!(!server.log().contains("panicked"), "{}", server.log());

    let unanswered = owners::done_without_an_answer(database, &owners);
    // Some kills must hit between a write and its answer; otherwise nothing was tested.
    assert_ne!(unanswered.len(), 0);
    let seconds = clock.monotonic().as_secs();
    // Written past the capture of the test harness, so that the counts are always printed.
    let report = format!(
        "{name}: {KILLS} kills with seed {SEED:#x}, between deed and answer {unanswered:?}, \
         {seconds} s\n"
    );
    drop(io::stderr().write_all(report.as_bytes()));
}

/// Lets all owners work, and kills the server after the next request of a kind, when `strike` returns.
fn work_until(
    owners: &mut [Owner],
    server: &mut ServerProcess,
    aim: Kind,
    strike: impl FnOnce(&mut ServerProcess),
) {
    let link = &Link::to(server.origin());
    let (progress, requests) = mpsc::channel();
    thread::scope(|scope| {
        for owner in owners {
            let connection = Connection { link, progress: progress.clone() };
            scope.spawn(move || owner.work(&connection));
        }
        drop(progress);
        while requests.recv().is_ok_and(|kind| kind != aim) {}
        strike(server);
        server.kill();
    });
}

/// Waits until the database has one more success of this kind: its answer is probably not sent yet.
fn wait_until_stored(database: &TestDatabase, server: &mut ServerProcess, aim: Kind) {
    let before = owners::successes(database, aim);
    // Only a crash ends the wait early.
    while owners::successes(database, aim) == before
        && server.ended_within(Duration::ZERO).is_none()
    {}
}
