//! Checks that the pepper of every stored password hash is configured.

use portcullis_password::{Pepper, Peppers};
use portcullis_storage::Database;

use super::check::Check;

pub(super) const NAME: &str = "peppers";

pub(super) fn check(database: &Database, peppers: &Peppers) -> Check {
    let known: Vec<_> = peppers.current.iter().chain(&peppers.previous).map(Pepper::name).collect();
    match database.accounts_with_other_peppers(&known) {
        Ok(0) if known.is_empty() => Check::ok(NAME, "no password hash has a pepper"),
        Ok(0) => Check::ok(NAME, "the pepper of every password hash is configured"),
        Ok(accounts) => {
            let detail = format!(
                "{accounts} accounts have password hashes with a pepper that is not configured; their \
                 passwords do not match"
            );
            let remedy = "set passwords.pepper_previous to the former pepper, or let the users reset their \
                          passwords";
            Check::failed(NAME, detail, remedy)
        }
        Err(error) => Check::failed(NAME, error.to_string(), "see above"),
    }
}
