//! `HashCostStore`: counts accounts by the cost of their password hash, table `accounts`.

use diesel::dsl::count_star;
use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::hash_cost::HashCostStore;
use portcullis_password::HashCost;

use crate::connection::dispatch;
use crate::schema::accounts;
use crate::store::Store;

impl HashCostStore for Store {
    /// Reads an index of the prefixes of the hashes, which the database maintains.
    fn hash_costs(&self) -> Result<Vec<(HashCost, u64)>, StoreError> {
        self.read(|connection| {
            let counted: Vec<(Option<String>, i64)> = dispatch!(connection, inner => {
                accounts::table
                    .filter(accounts::password_cost.is_not_null())
                    .group_by(accounts::password_cost)
                    .select((accounts::password_cost, count_star()))
                    .limit(MAX_GROUPS)
                    .load(inner)
            })?;
            let known = counted.into_iter().filter_map(|(prefix, hashes)| {
                Some((HashCost::of_prefix(&prefix?)?, u64::try_from(hashes).ok()?))
            });
            Ok(known.collect())
        })
    }
}

/// The maximum of groups: a damaged hash may have any prefix, of at most 60 bytes.
const MAX_GROUPS: i64 = 1_000;
