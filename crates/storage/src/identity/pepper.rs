//! Password hashes with a pepper, table `accounts`, for `doctor`.

use diesel::prelude::*;
use portcullis_flows::StoreError;

use crate::connection::dispatch;
use crate::database::Database;
use crate::schema::accounts;
use crate::sql_type::natural;

impl Database {
    /// Returns the number of accounts whose hash has none of these peppers, each given as the
    /// parameter `keyid` of hashes, but another one. No password matches such a hash.
    pub fn accounts_with_other_peppers(&self, known: &[String]) -> Result<u64, StoreError> {
        self.read(|connection| {
            let count: i64 = dispatch!(connection, inner => {
                let mut others = accounts::table
                    .filter(accounts::password_hash.like("$argon2id$%,keyid=%"))
                    .count()
                    .into_boxed();
                for id in known {
                    let own = format!("$argon2id$%,keyid={id}$%");
                    others = others.filter(accounts::password_hash.not_like(own));
                }
                others.get_result(inner)
            })?;
            Ok(natural(count))
        })
    }
}
