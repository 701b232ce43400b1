//! Contract of `AccountStore`.

use portcullis_domain::SecretString;
use portcullis_flows::StoreError;
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::node::health::HealthStore;
use portcullis_flows::sign_in::{Identifier, SignInStore, StoredPassword};
use portcullis_storage::{Database, DatabaseUrl};
use portcullis_testkit::{TestDatabase, samples};

use crate::member::enrol;

#[test]
fn an_account_is_found_by_its_id_alone() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        enrol(database.store(), "grace");
        assert_eq!(database.store().account(ada.id).unwrap(), Some(ada));
        assert_eq!(database.store().account(samples::account("nobody").id).unwrap(), None);
    });
}

#[test]
fn a_stored_value_that_breaks_its_rule_is_named_and_not_guessed_at() {
    let damages = [
        ("role", "'Not A Role'"),
        ("kind", "'robot'"),
        ("username", "'a'"),
        ("email", "'nowhere'"),
    ];
    for (column, value) in damages {
        TestDatabase::on_both(|database| {
            let ada = enrol(database.store(), "ada");
            database.store().execute(&format!("UPDATE accounts SET {column} = {value}")).unwrap();
            let error = database.store().account(ada.id).unwrap_err();
            assert!(names(&error, column), "{error:?}");
        });
    }
}

#[test]
fn a_stored_display_name_that_breaks_its_rule_is_not_shown() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        database.store().execute("UPDATE accounts SET display_name = ''").unwrap();
        assert_eq!(database.store().account(ada.id).unwrap(), Some(ada));
    });
}

#[test]
fn a_stored_hash_that_cannot_be_read_is_damaged_and_no_account_without_password() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        database.store().execute("UPDATE accounts SET password_hash = 'plain'").unwrap();
        let found = database.store().credentials(&Identifier::Username(ada.username));
        let password = found.unwrap().unwrap().password;
        assert!(matches!(password, StoredPassword::Damaged(_)), "{password:?}");
    });
}

#[test]
fn a_database_that_answers_is_well() {
    TestDatabase::on_both(|database| database.store().ping().unwrap());
}

#[test]
fn a_database_that_is_away_is_unavailable_to_requests_and_no_reason_not_to_start() {
    for url in ["sqlite:/dev/null/portcullis.db", "postgres://nobody@127.0.0.1:1/nothing"] {
        let url = DatabaseUrl::parse(&SecretString::from(url)).unwrap();
        let database = Database::new(&url, 2);
        assert!(matches!(database.ping(), Err(StoreError::Unavailable(_))), "{url:?}");
    }
}

fn names(error: &StoreError, expected: &str) -> bool {
    matches!(error, StoreError::Corrupt { table: "accounts", column } if *column == expected)
}
