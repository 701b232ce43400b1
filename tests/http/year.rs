//! A year of a busy installation in virtual time: the rows of every table level off.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_flows::node::revocation::Revocations;
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::member::Member;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The days between two steps of the clock.
const STEP: u32 = 3;

/// Tables that keep a row for each checkpoint, start or version, and why that is bounded enough:
/// docs/retention.md.
const KEPT: [&str; 2] = ["audit_checkpoints", "__diesel_schema_migrations"];

/// Tables that the days below write.
const BUSY: [&str; 6] = [
    "sessions",
    "refresh_tokens",
    "sign_in_failures",
    "security_events",
    "decision_blocks",
    "bans",
];

#[test]
fn a_busy_year_leaves_every_table_as_it_was_in_autumn() {
    TestDatabase::on_both(|database| {
        let settings = TestSettings { audit_retention: Some(30 * DAY), ..TestSettings::default() };
        let server = TestServer::with(database, settings);
        let mut admin = Member::new(&server, "grace", "admin");
        for name in ["ada", "joan", "kay"] {
            Member::new(&server, name, "msa");
        }
        let revocations = server.of_node::<Revocations>();
        let mut autumn = BTreeMap::new();
        let mut rows = BTreeMap::new();
        for day in (0..366 / STEP).map(|step| step * STEP) {
            busy_day(&server, &mut admin, day);
            server.clock().advance(STEP * DAY);
            assert!(server.jobs().run_due(), "day {day}");
            revocations.purge().unwrap();
            rows = tables(server.database());
            if (180..240).contains(&day) {
                for (table, count) in &rows {
                    let most = autumn.entry(table.clone()).or_insert(0);
                    *most = (*most).max(*count);
                }
            }
        }
        for table in BUSY {
            assert!(autumn[table] > 0, "{table} had no row");
        }
        for (table, count) in rows {
            let before = autumn[&table];
            let is_kept = KEPT.contains(&table.as_str());
            assert!(is_kept || count <= before, "{table}: {before} rows, then {count}");
        }
    });
}

/// Sign-ins, refreshes, failures, registrations, bans, role changes and permission checks.
fn busy_day(server: &TestServer, admin: &mut Member, day: u32) {
    admin.sign_in_again("grace");
    let tokens = Browser::of(server).sign_in_for_tokens("ada");
    let refreshed = Browser::of(server).refresh(&tokens.field("refresh_token"));
    assert_eq!(refreshed.status, 200);
    let reused = Browser::of(server).refresh(&tokens.field("refresh_token"));
    assert_eq!(reused.status, 200, "a repeated request");
    Browser::of(server).sign_in_for_tokens("joan");
    for number in 0..3 {
        let unknown = format!("stranger{day}x{number}");
        assert_eq!(Browser::of(server).sign_in(&unknown).status, 401);
    }
    assert_eq!(admin.check("schedule", "read").status, 200);
    let address = format!("198.51.{}.{}", day / 250, day % 250);
    let ban = json!({ "address": address, "seconds": 600 });
    assert_eq!(admin.post("/api/admin/bans", &ban).status, 201);
}

/// The rows of every table.
fn tables(database: &TestDatabase) -> BTreeMap<String, i64> {
    let rows = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        database.store().number(&count).expect("the database answers")
    };
    database.tables().into_iter().map(|table| (table.clone(), rows(&table))).collect()
}
