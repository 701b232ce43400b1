//! `Prepared`: an UPDATE with RETURNING that the database prepares only once for each connection.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// A statement that the database prepares once for each connection and text.
///
/// Diesel prepares an UPDATE each time again, because the columns that it sets may differ between
/// calls. PostgreSQL then plans it each time again, which costs more than running it. Statements
/// here are identified by their text, which differs when their columns differ.
///
/// This works only for statements that return rows: for `execute` on PostgreSQL, Diesel examines
/// the statement through a reference, and does not ask `is_safe_to_cache_prepared` of this type.
pub(crate) struct Prepared<Q>(pub(crate) Q);

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Prepared<Q> {}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}
