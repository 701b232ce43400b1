//! Validation of a verified password in the transaction of a change.

use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_flows::sign_in::reauthentication::Reauthenticated;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::accounts;
use crate::sign_in::lockout;
use crate::sign_in::sign_out;
use crate::sql_type::Key;

/// Locks the row of the account, and returns the outcome of a refusal if the counter is closed, the
/// account deactivated, or the password another one.
pub(crate) fn validate(
    connection: &mut Connection,
    reauthenticated: &Reauthenticated,
) -> Result<Option<Outcome>, Failure> {
    let Reauthenticated { account, proof, counter } = reauthenticated;
    if !lockout::forget_failures(connection, counter)? {
        return Ok(Some(Outcome::Locked));
    }
    sign_out::lock_account(connection, account.id)?;
    let active = accounts::table
        .find(Key::from(account.id))
        .filter(accounts::is_active.and(diesel::dsl::not(accounts::is_blocked)));
    let is_valid: bool = if let Some(proof) = proof {
        let valid = active.filter(accounts::password_hash.eq(proof.hash.as_str()));
        let look = diesel::select(diesel::dsl::exists(valid));
        dispatch!(connection, inner => look.get_result(inner))?
    } else {
        let valid = active.filter(accounts::password_hash.is_null());
        let look = diesel::select(diesel::dsl::exists(valid));
        dispatch!(connection, inner => look.get_result(inner))?
    };
    Ok((!is_valid).then_some(Outcome::Superseded))
}
