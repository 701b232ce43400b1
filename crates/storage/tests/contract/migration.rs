use std::collections::BTreeMap;

use portcullis_storage::Store;
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::count;

/// Column and whether it may be null, by table.
type Tables = BTreeMap<String, Vec<String>>;

#[test]
fn migrations_go_up_down_and_up_again_to_the_same_tables() {
    TestDatabase::on_both_blank(|database| {
        let store = database.store();
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

fn versions(store: &Store) -> Vec<String> {
    store.texts("SELECT version FROM __diesel_schema_migrations ORDER BY version").unwrap()
}

/// Everything but diesel's own book-keeping.
fn tables_of(database: &TestDatabase) -> Tables {
    let columns = if database.url().starts_with("sqlite:") {
        "SELECT t.name || ' ' || c.name || CASE WHEN c.\"notnull\" THEN '' ELSE ' null' END
         FROM pragma_table_list t JOIN pragma_table_info(t.name) c
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
