//! A year of a busy installation in virtual time: the rows of every table level off.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_flows::node::revocation::Revocations;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::member::Member;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The days between two steps of the clock.
const STEP: u32 = 3;

/// Tables that keep a row for each checkpoint, start or version, and why that is bounded enough:
/// docs/retention.md.
const KEPT: [&str; 2] = ["audit_checkpoints", "__diesel_schema_migrations"];

/// Tables that the days below write.
const BUSY: [&str; 18] = [
    "bans",
    "decision_blocks",
    "email_changes",
    "former_emails",
    "invitations",
    "mail_allowances",
    "mail_secrets",
    "outbox",
    "passkey_challenges",
    "pending_registrations",
    "refresh_tokens",
    "security_events",
    "sessions",
    "sign_in_challenges",
    "sign_in_failures",
    "sign_in_hours",
    "sign_in_refusals",
    "totp_enrolments",
];

#[test]
fn a_busy_year_leaves_every_table_as_it_was_in_autumn() {
    TestDatabase::on_both(|database| {
        let settings = TestSettings {
            audit_retention: Some(30 * DAY),
            registration_answer: RegistrationAnswer::Verified,
            named: true,
            ..TestSettings::default()
        };
        let server = TestServer::with(database, settings);
        let mut admin = Member::new(&server, "grace", "admin");
        Member::new(&server, "ada", "msa");
        let mut joan = Member::new(&server, "joan", "msa");
        Member::new(&server, "kay", "msa").enrol_app(&server);
        let revocations = server.of_node::<Revocations>();
        let mut autumn = BTreeMap::new();
        let mut rows = BTreeMap::new();
        for day in (0..366 / STEP).map(|step| step * STEP) {
            busy_day(&server, &mut admin, &mut joan, day);
            rows = tables(server.database());
            server.clock().advance(STEP * DAY);
            assert!(server.jobs().run_due(), "day {day}");
            revocations.purge().unwrap();
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

/// Sign-ins, refreshes, failures, registrations that nobody confirms, invitations that nobody accepts,
/// links that nobody follows, second factors that nobody shows, a new address, bans and permission checks.
fn busy_day(server: &TestServer, admin: &mut Member, joan: &mut Member, day: u32) {
    admin.sign_in_again("grace");
    let tokens = Browser::of(server).sign_in_for_tokens("ada");
    let refreshed = Browser::of(server).refresh(&tokens.field("refresh_token"));
    assert_eq!(refreshed.status, 200);
    let reused = Browser::of(server).refresh(&tokens.field("refresh_token"));
    assert_eq!(reused.status, 200, "a repeated request");
    joan.sign_in_again("joan");
    for number in 0..3 {
        let unknown = format!("stranger{day}x{number}");
        assert_eq!(Browser::of(server).sign_in(&unknown).status, 401);
    }
    assert_eq!(admin.check("schedule", "read").status, 200);
    let new = format!("new{day}@example.org");
    let register = json!({ "username": format!("new{day}"), "email": new, "password": PASSWORD });
    assert_eq!(Browser::of(server).post("/api/auth/register", &register).status, 202);
    let forgot = json!({ "email": "ada@example.org" });
    assert_eq!(Browser::of(server).post("/api/auth/password/forgot", &forgot).status, 202);
    let invite = json!({ "email": format!("guest{day}@example.org"), "role": "msa" });
    assert_eq!(admin.post("/api/admin/invitations", &invite).status, 201);
    let change = json!({ "email": new, "current_password": PASSWORD });
    assert_eq!(admin.post("/api/auth/email/change", &change).status, 202);
    assert!(!server.database().mails().is_empty());
    let new = format!("joan{day}@example.org");
    let change = json!({ "email": new, "current_password": PASSWORD });
    assert_eq!(joan.post("/api/auth/email/change", &change).status, 202);
    let link = json!({ "token": server.database().only_link() });
    assert_eq!(Browser::of(server).post("/api/auth/email/confirm", &link).status, 200);
    let challenge = Browser::of(server).sign_in_for_tokens("kay");
    assert_eq!(challenge.json()["mfa_required"], true);
    let delivery = json!({ "delivery": "body" });
    let options = Browser::of(server).post("/api/auth/login/passkey/options", &delivery);
    assert_eq!(options.status, 200);
    let password = json!({ "current_password": PASSWORD });
    assert_eq!(admin.post("/api/auth/mfa/totp/enrol", &password).status, 200);
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
