//! Contract of `HashCostStore`.

use portcullis_flows::sign_in::hash_cost::HashCostStore;
use portcullis_password::HashCost;
use portcullis_testkit::TestDatabase;

use crate::member::{another_hash, enrol, renew};

#[test]
fn the_costs_in_use_are_counted_and_damaged_hashes_are_not() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(store.hash_costs().unwrap(), []);
        for name in ["ada", "grace", "jean", "none", "empty", "cut", "other", "endless"] {
            enrol(store, name);
        }
        let bcrypt = "'$2y$11$abcdefghijklmnopqrstuuGlZIjBVZ/5XwbrVRe5KCAI.5r11/gRK'";
        let endless = format!("'$argon2id$v=19${}'", "m".repeat(5_000));
        for (name, hash) in [
            ("jean", bcrypt),
            ("none", "NULL"),
            ("empty", "''"),
            ("cut", "'$argon2id$v=19$m=19456,t=2'"),
            ("other", "'{SSHA}c2FsdA=='"),
            ("endless", endless.as_str()),
        ] {
            let set =
                format!("UPDATE accounts SET password_hash = {hash} WHERE username = '{name}'");
            store.execute(&set).unwrap();
        }
        let mut counted = store.hash_costs().unwrap();
        counted.sort_unstable();
        let new = HashCost::Argon2id { memory_kib: 19_456, iterations: 2, parallelism: 1 };
        assert_eq!(counted, [(HashCost::Bcrypt { cost: 11 }, 1), (new, 2)], "{database:?}");
    });
}

#[test]
fn a_new_hash_is_counted_in_the_place_of_the_old_one() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let old = portcullis_password::PasswordHash::parse(
            "$2b$10$abcdefghijklmnopqrstuuGlZIjBVZ/5XwbrVRe5KCAI.5r11/gRK",
        );
        let old = old.unwrap();
        store.execute(&format!("UPDATE accounts SET password_hash = '{}'", old.as_str())).unwrap();
        assert_eq!(store.hash_costs().unwrap(), [(HashCost::Bcrypt { cost: 10 }, 1)]);
        renew(store, &ada, &old, &another_hash());
        assert_eq!(store.hash_costs().unwrap(), [(another_hash().cost(), 1)]);
    });
}
