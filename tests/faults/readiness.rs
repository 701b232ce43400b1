//! Readiness: a server is not ready with a database that accepts no writes, or when it is about to stop.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, TestDatabase};

use crate::environment::{folder, server_on, start};

#[test]
fn a_database_that_takes_no_writes_makes_the_server_not_ready() {
    let database = TestDatabase::postgres();
    let execute = |sql: &str| database.store().execute(sql).expect("the database answers");
    let (server, _data) = server_on(&database);
    let mut browser = Browser::at(server.origin());
    // Simulates a full disk of PostgreSQL, for the one table that readiness writes to.
    execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON write_probes EXECUTE FUNCTION refuse()",
    );

    let clock = SystemClock::new();
    let mut waits_for = |status: u16| {
        let begun = clock.monotonic();
        loop {
            let answer = browser.get("/health/ready", &[]);
            if answer.status == status {
                return answer;
            }
            assert!(
                clock.monotonic().saturating_sub(begun) < TIMEOUT,
                "{status}: {}",
                server.log()
            );
        }
    };
    let refused = waits_for(503);
    assert_eq!(refused.code(), "unavailable");
    assert!(refused.text.contains("The database takes no writes."), "{}", refused.text);

    execute("DROP TRIGGER refuse ON write_probes");

    waits_for(200);
    // The health check of the database logs it once.
    let fails = |line: &&str| line.contains("a job fails") && line.contains("database_health");
    assert!(server.log().lines().filter(fails).count() <= 1, "{}", server.log());
}

/// Longer than the validity of a successful health check.
const TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn a_server_that_is_to_stop_says_so_and_serves_for_a_while() {
    const DELAY: (&str, &str) = ("PORTCULLIS__SERVER__SHUTDOWN_DELAY_MS", "60000");
    let database = TestDatabase::sqlite();
    let data = folder();
    let mut server = start(data.path(), database.url(), &[DELAY]);
    server.ask_to_stop();
    let refused = (0..3000)
        .map(|_| Browser::at(server.origin()).get("/health/ready", &[]))
        .find(|answer| answer.status == 503);
    let refused = refused.unwrap_or_else(|| panic!("it stays ready: {}", server.log()));
    assert_eq!(refused.code(), "stopping");
    assert_eq!(refused.header("connection"), Some("close"));
    let mut browser = Browser::at(server.origin());
    assert_eq!(browser.register("ada").status, 201);
    assert_eq!(browser.sign_in("ada").status, 200);
    // The second signal asks for a fast stop.
    server.ask_to_stop();
    let status = server.ended_within(Duration::from_secs(10)).expect("it stops in time");
    assert_eq!(status.code(), Some(0), "{}", server.log());
}
