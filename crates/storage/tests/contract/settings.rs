//! Isolation and durability are set by the connection, not by the URL or the settings of PostgreSQL.

use std::time::Duration;

use portcullis_domain::SecretString;
use portcullis_flows::node::clock_watch::TimeStore;
use portcullis_storage::{Database, DatabaseUrl};
use portcullis_testkit::{TestDatabase, samples};

#[test]
fn isolation_and_durability_are_those_of_the_server_whatever_the_url_says() {
    let database = TestDatabase::postgres();
    let settings = "%20-csynchronous_commit%3Doff\
         %20-cdefault_transaction_isolation%3Dserializable\
         %20-cdefault_transaction_read_only%3Don";
    let url = format!("{}{settings}", database.url());
    let url = DatabaseUrl::parse(&SecretString::from(url)).unwrap();
    let careless = Database::new(&url, 1);
    let shown = "SELECT current_setting('synchronous_commit') || ' '
                 || current_setting('default_transaction_isolation')";
    assert_eq!(careless.texts(shown).unwrap(), ["on read committed"]);
    // A transaction that may write, and that sees what others commit while it waits.
    careless
        .execute("CREATE TABLE proof AS SELECT current_setting('transaction_isolation') AS level")
        .unwrap();
    assert_eq!(careless.texts("SELECT level FROM proof").unwrap(), ["read committed"]);
}

#[test]
fn the_time_of_a_transaction_is_that_of_the_database() {
    let hour = Duration::from_secs(3600);
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(store.time().unwrap(), samples::NOW);
        database.clock().advance(hour);
        assert_eq!(store.time().unwrap(), samples::NOW + hour);
    });
    let postgres = TestDatabase::postgres();
    let url = DatabaseUrl::parse(&SecretString::from(postgres.url())).unwrap();
    let database = Database::new(&url, 1);
    let seconds = "SELECT extract(epoch FROM clock_timestamp())::bigint";
    let (before, time) = (database.number(seconds).unwrap(), database.time().unwrap());
    assert!((before - 1..=database.number(seconds).unwrap()).contains(&time.as_seconds()));
}
