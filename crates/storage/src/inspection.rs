use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use portcullis_flows::StoreError;

use crate::connection::dispatch;
use crate::store::Store;

impl Store {
    /// Runs statements as they are.
    pub fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.write(|connection| Ok(dispatch!(connection, inner => inner.batch_execute(sql))?))
    }

    /// Answers the one number that a query selects.
    pub fn number(&self, sql: &str) -> Result<i64, StoreError> {
        let query = diesel::dsl::sql::<BigInt>(sql);
        self.read(|connection| Ok(dispatch!(connection, inner => query.get_result(inner))?))
    }

    /// Answers the column of texts that a query selects.
    pub fn texts(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let query = diesel::dsl::sql::<Text>(sql);
        self.read(|connection| Ok(dispatch!(connection, inner => query.load(inner))?))
    }
}
