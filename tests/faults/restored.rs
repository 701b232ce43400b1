//! An older copy of the database is restored: an exported checkpoint detects it, also after many new
//! entries.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis_audit::Checkpoint;
use portcullis_domain::SystemClock;
use portcullis_testkit::ServerProcess;

use crate::environment::{folder, start};
use crate::link::Link;
use crate::trail::{self, Client};

/// The suffixes of the files of a SQLite database.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// How often the server runs on each of both ways. With the kept checkpoints there is one for each run,
/// which is more than the server makes by itself on the other way.
const RUNS: u32 = 4;

#[test]
fn a_restored_older_copy_is_found_even_after_more_was_written() {
    let (data, elsewhere) = (folder(), folder());
    let database = data.path().join("portcullis.db");
    let (older, kept) = (elsewhere.path().join("older.db"), elsewhere.path().join("kept.json"));
    let url = format!("sqlite:{}", database.display());
    let mut server = start(data.path(), &url, &[]);
    let clock = Arc::new(SystemClock::new());
    let mut client = Client::new(server.origin(), "ada", clock);
    work(&mut client, &server);
    stop(&mut server);
    copy(&database, &older);

    for _ in 0..RUNS {
        server.restart();
        work(&mut client, &server);
        stop(&mut server);
        trail::keep_checkpoint(&server, &kept);
    }
    trail::verify(&server, Some(&kept)).assert_intact();

    copy(&older, &database);

    // The older state is intact in itself.
    trail::verify(&server, None).assert_intact();
    assert_found(&server, &kept, &["chain_missing", "rolled_back", "truncated"]);
    for _ in 0..RUNS {
        server.restart();
        work(&mut client, &server);
        stop(&mut server);
    }
    // New entries have taken the place of the removed ones.
    assert_found(&server, &kept, &["chain_missing", "rewritten", "rolled_back"]);
    // The same number of checkpoints does not hide it.
    let later = elsewhere.path().join("later.json");
    trail::keep_checkpoint(&server, &later);
    while number(&later) < number(&kept) {
        server.restart();
        work(&mut client, &server);
        stop(&mut server);
        trail::keep_checkpoint(&server, &later);
    }
    trail::verify(&server, None).assert_intact();
    assert_found(&server, &kept, &["bad_checkpoint", "chain_missing", "rewritten"]);
}

fn assert_found(server: &ServerProcess, kept: &Path, faults: &[&str]) {
    let proof = trail::verify(server, Some(kept));
    assert_eq!(proof.faults, faults, "{}", proof.text);
}

/// More than one entry in an event chain and in the decision chain of this start.
fn work(client: &mut Client, server: &ServerProcess) {
    let link = Link::to(server.origin());
    client.sign_in(&link).expect("a server without a fault answers");
    client.register(&link).expect("a server without a fault answers");
    client.ask_batch(&link).expect("a server without a fault answers");
}

/// The number of the checkpoint in that file.
fn number(path: &Path) -> u64 {
    let text = fs::read_to_string(path).expect("the checkpoint was kept");
    Checkpoint::from_file(&text).expect("the command line wrote it").number()
}

fn stop(server: &mut ServerProcess) {
    assert_eq!(server.terminate().code(), Some(0));
}

/// Replaces a database by another, with all its files.
fn copy(from: &Path, to: &Path) {
    for part in PARTS {
        let path = |base: &Path| format!("{}{part}", base.display());
        let (from, to) = (path(from), path(to));
        if Path::new(&from).exists() {
            fs::copy(from, to).expect("the folders can be written");
        } else if Path::new(&to).exists() {
            fs::remove_file(to).expect("the folders can be written");
        }
    }
}
