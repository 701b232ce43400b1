//! Tests of the migrations of both databases.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use portcullis_flows::identity::account::AccountStore;
use portcullis_storage::{MigrationError, Store};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::count;
use crate::member::enrol;

/// The columns with their nullability, by table.
type Tables = BTreeMap<String, Vec<String>>;

#[test]
fn migrations_go_up_down_and_up_again_to_the_same_tables() {
    TestDatabase::on_both_blank(|database| {
        let store = database.store();
        // A file that is not there is not made by who only asks.
        store.execute("SELECT 1").unwrap();
        let versions = store.pending_migrations().unwrap();
        assert!(!versions.is_empty());
        assert_eq!(store.migrate().unwrap(), versions);
        let tables = tables_of(&database);
        assert!(tables.contains_key("accounts"), "{tables:?}");
        assert_eq!(store.pending_migrations().unwrap(), [""; 0]);

        let mut reverted = store.revert_migrations().unwrap();
        reverted.reverse();
        assert_eq!(reverted, versions);
        assert_eq!(tables_of(&database), Tables::new(), "nothing is left behind");

        assert_eq!(store.migrate().unwrap(), versions);
        assert_eq!(tables_of(&database), tables);
    });
}

#[test]
fn sqlite_is_built_for_many_threads() {
    let database = TestDatabase::sqlite();
    let options = database.store().texts("SELECT compile_options FROM pragma_compile_options");
    let options = options.unwrap();
    let has = |option: &str| options.iter().any(|known| known == option);
    assert!(
        has("ENABLE_QPSG") && has("DEFAULT_MEMSTATUS=0"),
        "see .cargo/config.toml: {options:?}"
    );
    assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "one lock for the pages of all connections");
}

#[test]
fn both_databases_have_the_same_versions_tables_columns_and_nullability() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    assert_eq!(versions(sqlite.store()), versions(postgres.store()));
    assert_eq!(tables_of(&sqlite), tables_of(&postgres));
}

#[test]
fn both_databases_have_the_same_indexes() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    let named = |name: &String| !name.starts_with("sqlite_autoindex") && !name.ends_with("_key");
    let indexes = |store: &Store, query: &str| -> Vec<String> {
        store.texts(query).unwrap().into_iter().filter(named).collect()
    };
    let in_sqlite = "SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY name";
    let in_postgres = "SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema()
                       AND indexname NOT LIKE '%\\_pkey' ORDER BY indexname";
    assert_eq!(indexes(sqlite.store(), in_sqlite), indexes(postgres.store(), in_postgres));
}

#[test]
fn eight_nodes_that_start_at_once_on_an_empty_database_apply_each_migration_once() {
    TestDatabase::on_both_blank(|database| {
        let nodes: Vec<Store> = (0..8).map(|_| database.connect()).collect();
        let applied = at_once(8, |number| nodes[number].migrate().unwrap());
        let mut applied = applied.concat();
        applied.sort();
        assert_eq!(applied, versions(database.store()), "{database:?}");
        assert!(!applied.is_empty());
    });
}

#[test]
fn a_second_start_applies_nothing_and_keeps_everything() {
    TestDatabase::on_both(|database| {
        crate::member::enrol(database.store(), "ada");
        assert_eq!(database.connect().migrate().unwrap(), [""; 0]);
        assert_eq!(count(database.store(), "accounts"), 1);
    });
}

#[test]
fn migrations_that_cannot_be_applied_leave_nothing_behind() {
    TestDatabase::on_both_blank(|database| {
        let store = database.store();
        store.execute("CREATE TABLE setup (in_the_way integer)").unwrap();
        assert!(store.migrate().is_err());
        let tables: Vec<String> = tables_of(&database).into_keys().collect();
        assert_eq!(tables, ["setup"]);
        store.execute("DROP TABLE setup").unwrap();
        assert!(!store.migrate().unwrap().is_empty());
    });
}

#[test]
fn events_without_a_seal_are_dropped_by_an_operator_who_says_so_and_by_nobody_else() {
    TestDatabase::on_both_blank(|database| {
        let store = database.store();
        let (latest, _) = at_the_first_version(store);
        let is_sqlite = database.url().starts_with("sqlite:");
        let (id, at) = if is_sqlite {
            ("randomblob(16)", "0")
        } else {
            ("'00000000-0000-7000-8000-000000000001'", "now()")
        };
        let insert = format!(
            "INSERT INTO security_events (id, at, kind, address, outcome)
             VALUES ({id}, {at}, 'sign_in', '192.0.2.7', 'success')"
        );
        store.execute(&insert).unwrap();
        let before = tables_of(&database);
        for _ in 0..2 {
            let refused = store.migrate().unwrap_err();
            assert!(matches!(refused, MigrationError::UnsealedEvents(1)), "{refused}");
            assert_eq!(
                (tables_of(&database), count(store, "security_events")),
                (before.clone(), 1)
            );
        }
        let (applied, dropped) = store.migrate_dropping_unsealed_events().unwrap();
        assert_eq!((applied.last(), dropped), (Some(&latest), 1));
        assert_eq!(store.migrate_dropping_unsealed_events().unwrap(), (Vec::new(), 0));

        // Events with a seal are none of these.
        crate::audited::record(store, &crate::audited::event(portcullis_testkit::samples::NOW));
        assert_eq!(store.migrate().unwrap(), [""; 0]);
    });
}

#[test]
fn an_empty_table_of_events_without_a_seal_is_replaced_without_a_word() {
    TestDatabase::on_both_blank(|database| {
        let (latest, pending) = at_the_first_version(database.store());
        let applied = database.store().migrate().unwrap();
        assert_eq!((applied.last(), applied.len()), (Some(&latest), pending));
    });
}

#[test]
fn whoever_only_looks_at_an_empty_database_leaves_it_empty() {
    TestDatabase::on_both_blank(|database| {
        let store = database.store();
        if database.url().starts_with("sqlite:") {
            assert!(store.pending_migrations().is_err(), "there is no file, and none is made");
            store.execute("SELECT 1").unwrap();
        }
        assert!(!store.pending_migrations().unwrap().is_empty());
        assert!(!store.has_checkpoints().unwrap());
        let tables = if database.url().starts_with("sqlite:") {
            "SELECT name FROM sqlite_master"
        } else {
            "SELECT table_name::text FROM information_schema.tables
             WHERE table_schema = current_schema()"
        };
        assert_eq!(store.texts(tables).unwrap(), [""; 0]);
    });
}

/// Nodes of the former version serve while the first newer one migrates.
#[test]
fn a_column_keeps_its_type_and_its_name_since_the_first_release() {
    const LAST_BEFORE: &str = "20261128140000_tokens_issued_from";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() <= LAST_BEFORE {
            continue;
        }
        let text = fs::read_to_string(path.join("up.sql")).unwrap().to_uppercase();
        for change in ["ALTER COLUMN", " RENAME "] {
            let changes = text.contains(change) && !text.contains("SET DEFAULT");
            assert!(!changes, "{change} in {}: add a column instead", path.display());
        }
    }
}

#[test]
fn a_connection_recovers_when_a_newer_node_has_changed_the_type_of_a_column() {
    let database = TestDatabase::postgres();
    let store = database.store();
    let ada = enrol(store, "ada");
    let is_found = || store.account(ada.id).is_ok_and(|found| found.as_ref() == Some(&ada));
    // The third use has a plan that PostgreSQL keeps.
    assert!((0..8).all(|_| is_found()));
    let [change, back] = ["COLLATE \"POSIX\"", ""].map(|collation| {
        format!("ALTER TABLE accounts ALTER COLUMN username TYPE text {collation}")
    });
    for change in [change, back] {
        store.execute(&change).unwrap();
        let refused = (0..64).filter(|_| !is_found()).count();
        assert!((1..=16).contains(&refused), "each connection once: {refused} of 64");
        assert!((0..8).all(|_| is_found()));
    }
}

/// Takes back all but the first migration. Answers the latest version and how many are missing.
fn at_the_first_version(store: &Store) -> (String, usize) {
    let versions = store.migrate().unwrap();
    store.revert_to_first_migration().unwrap();
    (versions.last().unwrap().clone(), versions.len() - 1)
}

fn versions(store: &Store) -> Vec<String> {
    store.texts("SELECT version FROM __diesel_schema_migrations ORDER BY version").unwrap()
}

/// Everything but diesel's own book-keeping.
fn tables_of(database: &TestDatabase) -> Tables {
    let columns = if database.url().starts_with("sqlite:") {
        "SELECT t.name || ' ' || c.name || CASE WHEN c.\"notnull\" THEN '' ELSE ' null' END
         FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
         WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'
         ORDER BY t.name, c.name"
    } else {
        "SELECT table_name || ' ' || column_name || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END
         FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_\\_diesel%'
         ORDER BY table_name, column_name"
    };
    let mut tables = Tables::new();
    for line in database.store().texts(columns).unwrap() {
        let (table, column) = line.split_once(' ').unwrap();
        tables.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    tables
}
