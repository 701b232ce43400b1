//! Backups: every table and every value is in them, and a restore voids what may not come back.

use std::collections::BTreeMap;

use portcullis_flows::effects::Effects;
use portcullis_flows::node::backup::{DatabaseKind, Manifest};
use portcullis_flows::node::restore::{RestoreError, RestoreStore, Voided, Voiding};
use portcullis_storage::{Database, DatabaseUrl, Replacement, Store};
use portcullis_testkit::TestDatabase;

use crate::inspect::{count, ends};

const VOIDING: Voiding = Voiding { keeps_credentials: false };

/// Texts with marks of SQL and JSON, bytes, and the ends of the numbers.
const ODD: &str = r#"INSERT INTO jobs (name, every_ms, holder, held_until, due_at, started_at, failure,
        duration_ms, done)
    VALUES ('odd "name" \ ''quoted'' é 日本 🙂', 9223372036854775807, BYTES, TIME, TIME, TIME, 'two
lines,	a tab, {"json": [null, "\u0041"]} and \x00', -9223372036854775808, 0);
    INSERT INTO accounts (id, username, username_skeleton, email, email_key, kind, role, is_active,
        is_blocked, email_verified, password_must_change, password_hash, created_at, updated_at,
        password_epoch, must_verify_email, mfa_enabled, factor_epoch)
    VALUES (ID, 'ada', 'ada', 'ada@example.org', 'ada@example.org', 'human', 'admin', TRUE, FALSE, TRUE,
        FALSE, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2Fs$dGFn', TIME, TIME, 3, FALSE, FALSE, 1);
    INSERT INTO sessions (id, account_id, delivery, current_token, rotated_at, authenticated_at,
        expires_at, amr, acr) VALUES (ID, ID, 'body', ID, TIME, TIME, TIME, 'pwd', '1');
    INSERT INTO totp_factors (account_id, seed, last_step, confirmed_at) VALUES (ID, BYTES, 7, TIME);
    INSERT INTO totp_enrolments (account_id, session_id, seed, expires_at) VALUES (ID, ID, BYTES, TIME);
    INSERT INTO backup_codes (account_id, sealed, used, created_at) VALUES (ID, BYTES, 5, TIME);
    INSERT INTO api_keys (id, account_id, name, sealed, created_at, expires_at)
        VALUES (ID, ID, 'robot', BYTES, TIME, TIME);
    INSERT INTO mail_secrets (purpose, subject_id, account_id, digest, address, message_id, minted_at,
        expires_at) VALUES ('reset', ID, ID, BYTES, 'ada@example.org', ID, TIME, TIME);
    INSERT INTO invitations (id, email, email_key, role, kind, created_at, expires_at)
        VALUES (ID, 'eve@example.org', 'eve@example.org', 'admin', 'human', TIME, TIME);
    INSERT INTO signing_keys (kid, algorithm, public_key, sealed, created_at, signs_from)
        VALUES ('kid', 'EdDSA', BYTES, BYTES, TIME, TIME);"#;

fn fill(store: &Store, is_sqlite: bool) {
    let [bytes, time, id] = if is_sqlite {
        ["x'00ff10'", "1800000000123456", "x'0195a0f700007000800000000000002a'"]
    } else {
        ["'\\x00ff10'", "'2027-01-15 08:00:00.123456+00'", "'0195a0f7-0000-7000-8000-00000000002a'"]
    };
    let sql = ODD.replace("BYTES", bytes).replace("TIME", time).replace("ID", id);
    for statement in sql.split_inclusive(";\n") {
        store.execute(statement).expect(statement);
    }
}

/// The rows of the content of a backup of PostgreSQL, by table.
fn tables(store: &Store) -> BTreeMap<String, Vec<String>> {
    let (_, content) = backed_up(store);
    let text = String::from_utf8(content).expect("it is text");
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(table) = line.strip_prefix('T') {
            table.clone_into(&mut name);
            tables.entry(name.clone()).or_default();
        } else if let Some(row) = line.strip_prefix('R') {
            tables.entry(name.clone()).or_default().push(row.to_owned());
        }
    }
    for rows in tables.values_mut() {
        rows.sort();
    }
    tables
}

/// Manifest and content of a backup.
fn backed_up(store: &Store) -> (Manifest, Vec<u8>) {
    let mut bytes = Vec::new();
    let manifest = store.back_up(&mut bytes).expect("the database can be read");
    let (length, rest) = bytes.split_first_chunk::<4>().expect("a length");
    let length = usize::try_from(u32::from_be_bytes(*length)).expect("a small number");
    (manifest, rest[length..].to_vec())
}

fn restore(
    into: &TestDatabase,
    (manifest, content): &(Manifest, Vec<u8>),
    replaces: bool,
) -> Result<Voided, RestoreError> {
    let url = DatabaseUrl::parse(&into.url().into()).expect("it is well-formed");
    let store = Store::new(Database::new(&url, 1), TestDatabase::audit_keys());
    store.restore(manifest, &mut content.as_slice(), replaces, VOIDING, &|_| Effects::default())
}

#[test]
fn every_table_of_postgres_is_restored_exactly_and_all_that_is_valid_once_is_void() {
    let source = TestDatabase::postgres();
    fill(source.store(), false);
    let before = tables(source.store());
    let names: Vec<String> = before.keys().cloned().collect();
    let mut expected = source.tables();
    expected.retain(|table| table != "__diesel_schema_migrations");
    expected.sort();
    assert_eq!(names, expected, "add a new table to the list of the backup");

    let backup = backed_up(source.store());
    assert_eq!(backup.0.database, DatabaseKind::Postgres);
    on_blank_postgres(|target| {
        let voided = restore(&target, &backup, false).expect("the database is empty");
        is_void(target.store(), voided);
        for (table, rows) in tables(target.store()) {
            // What the restore changes is checked by itself.
            if !VOIDED.contains(&table.as_str()) {
                assert_eq!(rows, before[&table], "{table}");
            }
        }
    });
}

/// The tables that a restore changes, among those with rows.
const VOIDED: [&str; 10] = [
    "api_keys",
    "backup_codes",
    "invitations",
    "mail_secrets",
    "revocation_feed",
    "revocations",
    "sessions",
    "signing_keys",
    "totp_enrolments",
    "totp_factors",
];

fn on_blank_postgres(test: impl Fn(TestDatabase)) {
    TestDatabase::on_both_blank(|target| {
        if target.url().starts_with("postgres") {
            test(target);
        }
    });
}

#[test]
fn a_restored_file_has_nothing_that_is_valid_once() {
    let source = TestDatabase::sqlite();
    fill(source.store(), true);
    let (manifest, content) = backed_up(source.store());
    assert_eq!(manifest.database, DatabaseKind::Sqlite);
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("restored.db");
    let mut replacement = Replacement::begin(&target, false).expect("there is nothing");
    std::io::Write::write_all(replacement.file(), &content).expect("it can be written");
    replacement.check().expect("it is a database");
    let store = Store::new(Database::new(&replacement.url(), 1), TestDatabase::audit_keys());
    let voided = store.void_restored(VOIDING, &|_| Effects::default()).expect("it can be written");
    assert_eq!(
        store.texts("SELECT failure FROM jobs").unwrap(),
        source.store().texts("SELECT failure FROM jobs").unwrap()
    );
    is_void(&store, voided);
    drop(store);
    assert!(!target.exists(), "not before the end");
    assert_eq!(replacement.finish(".former").expect("it is complete"), None);
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1,
        "no other file is left"
    );
}

#[track_caller]
fn is_void(store: &Store, voided: Voided) {
    let expected =
        Voided { sessions: 1, api_keys: 1, backup_codes: 1, links: 2, mails: 0, signing_keys: 1 };
    assert_eq!(voided, expected);
    assert_eq!(ends(store), ["database_restored 1"]);
    for from in [
        "sessions WHERE ended_at IS NULL",
        "totp_enrolments",
        "api_keys",
        "backup_codes",
        "mail_secrets",
        "invitations",
        "signing_keys WHERE retired_at IS NULL",
        "revocation_feed WHERE issued_from IS NULL",
        "totp_factors WHERE last_step <= 7",
    ] {
        assert_eq!(count(store, from), 0, "{from}");
    }
    assert_eq!(count(store, "revocations WHERE kind = 'session'"), 1);
    assert_eq!(count(store, "accounts WHERE password_epoch = 3"), 1);
}

#[test]
fn credentials_are_kept_when_the_operator_says_so() {
    TestDatabase::on_both(|database| {
        fill(database.store(), database.url().starts_with("sqlite"));
        let voiding = Voiding { keeps_credentials: true };
        let voided = database.store().void_restored(voiding, &|_| Effects::default()).unwrap();
        assert_eq!((voided.api_keys, voided.backup_codes, voided.sessions), (0, 0, 1));
        assert_eq!(count(database.store(), "api_keys"), 1);
        assert_eq!(count(database.store(), "backup_codes"), 1);
    });
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_changed() {
    let source = TestDatabase::postgres();
    fill(source.store(), false);
    let (manifest, content) = backed_up(source.store());
    let text = String::from_utf8(content.clone()).expect("it is text");
    let broken = [
        text.replacen("\nE", "\nE1", 1),
        text.replacen("Taccounts\n", "Taccount\n", 1),
        text.replacen("Taccounts\n", "Taccounts; DROP TABLE accounts\n", 1),
        text.replacen("\"username\"", "\"username", 1),
        text[..text.len() - 3].to_owned(),
        "Rno table\n".to_owned(),
        String::new(),
    ];
    on_blank_postgres(|target| {
        for broken in &broken {
            let parts = (manifest.clone(), broken.clone().into_bytes());
            assert!(restore(&target, &parts, false).is_err());
        }
        let newer = Manifest { migrations: vec!["29990101000000".to_owned()], ..manifest.clone() };
        let error = restore(&target, &(newer, content.clone()), false).unwrap_err();
        assert!(matches!(error, RestoreError::Newer(_)), "{error}");
        assert_eq!(target.tables(), [""; 0]);
        // The connection of the test itself uses the database now.
        let error = restore(&target, &(manifest.clone(), content.clone()), false).unwrap_err();
        assert!(matches!(error, RestoreError::InUse), "{error}");
    });
}

#[test]
fn a_database_with_data_is_replaced_only_on_demand() {
    let source = TestDatabase::postgres();
    fill(source.store(), false);
    let backup = backed_up(source.store());
    on_blank_postgres(|target| {
        restore(&target, &backup, false).expect("it is empty");
        let error = restore(&target, &backup, false).unwrap_err();
        assert!(matches!(error, RestoreError::NotEmpty), "{error}");
        restore(&target, &backup, true).expect("it may be replaced");
        assert_eq!(count(target.store(), "accounts"), 1);
    });
}
