//! First starts: two at the same moment with the same empty database, and some that are killed.

use std::fs::{self, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use portcullis_testkit::{Browser, ServerProcess, TestDatabase, at_once};

use crate::environment::{environment, folder, start};
use crate::history::{RandomChoices, SEED};
use crate::proxy::Proxy;

const ADMIN_PASSWORD: &str = "amber-heron-paints-9-violins";

#[test]
fn two_servers_started_at_once_share_one_empty_database_and_one_administrator() {
    let database = emptied(TestDatabase::postgres());
    let folders = [folder(), folder()];
    let admin = [("ADMIN_EMAIL", "root@example.org"), ("ADMIN_PASSWORD", ADMIN_PASSWORD)];
    let servers = at_once(2, |number| start(folders[number].path(), database.url(), &admin));

    assert_one_administrator(&database);
    for server in &servers {
        let signed_in =
            Browser::at(server.origin()).sign_in_with("root@example.org", ADMIN_PASSWORD);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        assert_eq!(signed_in.json()["account"]["password_must_change"], true);
    }
}

#[test]
fn two_servers_started_at_once_in_one_empty_directory_share_one_key() {
    const OWNER_ONLY: u32 = 0o600;
    let data = folder();
    // Without configuration the database and the key are created in the directory.
    let servers = at_once(2, |_| ServerProcess::start(data.path(), &[]));

    let mode = |path| fs::metadata(path).expect("the file is there").permissions().mode() & 0o777;
    assert_eq!(mode(data.path().join("secret_key")), OWNER_ONLY);
    let names = fs::read_dir(data.path()).expect("the directory can be read");
    let names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
    let keys = names.iter().filter(|name| name.to_string_lossy().starts_with("secret_key"));
    assert_eq!(keys.count(), 1, "{names:?}");

    let mut browsers: Vec<Browser> =
        servers.iter().map(|server| Browser::at(server.origin())).collect();
    assert_eq!(browsers[0].register("ada").status, 201);
    let signed_in = browsers[0].sign_in_for_tokens("ada");
    let refreshed = browsers[1].refresh(&signed_in.field("refresh_token"));
    assert_eq!(refreshed.status, 200, "a token of one server is worth nothing at the other");
    for server in &servers {
        let key = fs::read_to_string(data.path().join("secret_key")).expect("the key is a text");
        assert!(!server.log().contains(key.trim_end()), "the log shows the secret key");
    }
}

#[test]
fn a_first_start_that_is_killed_anywhere_is_made_up_for_by_the_next() {
    const KILLS: u32 = 8;
    const MAX_START: u64 = 120_000;
    let chance = RandomChoices::new(SEED);
    for database in [emptied(TestDatabase::sqlite()), emptied(TestDatabase::postgres())] {
        let data = folder();
        let environment = [
            ("DATABASE_URL", database.url()),
            ("ADMIN_EMAIL", "root@example.org"),
            ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ];
        let mut server = ServerProcess::prepare(data.path(), &environment);
        for _ in 0..KILLS {
            server.launch();
            server.ended_within(Duration::from_micros(chance.below(MAX_START)));
            server.kill();
        }
        server.restart();

        assert_one_administrator(&database);
        let browser = &mut Browser::at(server.origin());
        let signed_in = browser.sign_in_with("root@example.org", ADMIN_PASSWORD);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    }
}

#[test]
fn a_server_that_is_started_before_its_database_lives_and_waits_for_it() {
    let data = folder();
    let (mut server, proxy) = started_before_its_database(data.path());
    let mut browser = Browser::at(server.origin());
    assert_eq!(browser.get("/health/live", &[]).status, 200);
    for path in ["/health/ready", "/api/auth/csrf"] {
        let answer = browser.get(path, &[]);
        assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"), "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }

    proxy.mend();

    server.wait_until_listening();
    let mut browser = Browser::at(server.origin());
    assert_eq!(browser.get("/health/ready", &[]).status, 200, "{}", server.log());
    assert_eq!(browser.register("ada").status, 201);
    assert_eq!(server.log().matches("waiting for the database").count(), 1, "{}", server.log());
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_server_that_waits_for_its_database_stops_when_it_is_told_to() {
    let data = folder();
    let (mut server, _proxy) = started_before_its_database(data.path());
    assert_eq!(Browser::at(server.origin()).get("/health/live", &[]).status, 200);
    server.ask_to_stop();
    let status = server.ended_within(Duration::from_secs(10)).expect("it stops in time");
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

/// The configuration is read from a pipe, so the signals come while the process waits for it.
#[test]
fn no_signal_is_lost_or_ends_a_server_before_it_has_read_its_configuration() {
    const STARTS: usize = 10;
    let (data, pipe) = (folder(), folder());
    let pipe = pipe.path().join("portcullis.toml");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("coreutils are installed");
    assert!(made.success());
    let path = pipe.to_str().expect("the path is a text");
    let mut server = ServerProcess::prepare(data.path(), &[("PORTCULLIS__CONFIG", path)]);
    for number in 0..STARTS {
        server.launch();
        // It can be opened when the process opens it.
        let configuration = OpenOptions::new().write(true).open(&pipe).expect("the process reads");
        server.ask_to_reload();
        server.ask_to_reload();
        let stops = number + 1 < STARTS;
        if stops {
            server.ask_to_stop();
        }
        drop(configuration);
        if stops {
            let status = server.ended_within(Duration::from_secs(60)).expect("it stops in time");
            assert_eq!(status.code(), Some(0), "{}", server.log());
        }
    }
    server.wait_until_listening();
    server.ask_to_reload();
    assert_eq!(Browser::at(server.origin()).get("/health/live", &[]).status, 200);
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
}

#[test]
fn a_server_whose_operations_address_is_taken_does_not_start() {
    let (data, database) = (folder(), TestDatabase::sqlite());
    let other = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let taken = other.local_addr().expect("a bound listener has an address").to_string();
    let public = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let public = public.expect("loopback has a free port").to_string();
    let more = [
        ("PORTCULLIS__SERVER__ADDRESS", public.as_str()),
        ("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", taken.as_str()),
    ];
    let mut server = ServerProcess::prepare(data.path(), &environment(database.url(), &more));
    server.launch();
    let status = server.ended_within(Duration::from_secs(60)).expect("it ends");
    assert_eq!(status.code(), Some(1), "{}", server.log());
    let log = server.log();
    assert!(log.contains(&format!("cannot listen on {taken}")), "{log}");
    assert!(log.contains("PORTCULLIS__SERVER__OPERATIONS_ADDRESS"), "the remedy is missing: {log}");
    assert!(TcpStream::connect(&*public).is_err(), "nothing listens on the public address");
    assert!(!data.path().join("secret_key").exists(), "it stopped before its data");
}

#[test]
fn a_server_without_an_operations_address_has_health_and_no_metrics() {
    let (data, database) = (folder(), TestDatabase::sqlite());
    let more = [("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", "off")];
    let server = start(data.path(), database.url(), &more);
    assert!(!server.log().contains("metrics and health at"), "{}", server.log());
    let mut browser = Browser::at(server.origin());
    for (path, status) in
        [("/health/live", 200), ("/health/ready", 200), ("/metrics", 404), ("/health", 404)]
    {
        assert_eq!(browser.get(path, &[]).status, status, "{path}");
    }
}

/// A server that listens, and a proxy that is not connected to its database yet.
fn started_before_its_database(data: &Path) -> (ServerProcess, Proxy) {
    let database = TestDatabase::postgres();
    let (proxy, url) = Proxy::to_database(database.url());
    proxy.cut();
    let mut server = ServerProcess::prepare(data, &environment(&url, &[]));
    server.launch_until_listening();
    (server, proxy)
}

fn assert_one_administrator(database: &TestDatabase) {
    let number = |sql| database.store().number(sql).expect("the database answers");
    assert_eq!(number("SELECT count(*) FROM accounts"), 1);
    assert_eq!(number("SELECT count(*) FROM accounts WHERE role = 'admin'"), 1);
    assert_eq!(number("SELECT count(*) FROM security_events WHERE kind = 'bootstrap'"), 1);
}

/// An empty database.
fn emptied(database: TestDatabase) -> TestDatabase {
    database.store().revert_migrations().expect("the migrations can be taken back");
    let bookkeeping = "DROP TABLE __diesel_schema_migrations";
    database.store().execute(bookkeeping).expect("the table is there");
    database
}
