//! Whether the caller is still what their access token said, in the transaction of what they do.

use diesel::dsl::exists;
use diesel::prelude::*;
use portcullis_domain::Account;
use portcullis_flows::decision::Caller;

use crate::account;
use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::revocations;
use crate::sql_type::Key;

/// The account of the caller; `None` when it is gone, or the session or the token revoked. What has
/// ended a session has revoked it in the same transaction.
pub(crate) fn find(
    connection: &mut Connection,
    caller: &Caller,
) -> Result<Option<Account>, Failure> {
    let names: [Key; 2] = [caller.session.into(), caller.token.into()];
    let look = diesel::select(exists(revocations::table.filter(revocations::target.eq_any(names))));
    let is_revoked: bool = dispatch!(connection, inner => look.get_result(inner))?;
    if is_revoked {
        return Ok(None);
    }
    account::find(connection, caller.account)
}

/// Whether the caller is active and has the role that the token says.
pub(crate) fn is_entitled(connection: &mut Connection, caller: &Caller) -> Result<bool, Failure> {
    let found = find(connection, caller)?;
    Ok(found.is_some_and(|account| account.is_active && account.role == caller.role))
}
