//! Validation of a verified credential in the transaction of a change.

use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_flows::sign_in::reauthentication::{CurrentProof, Reauthenticated};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::accounts;
use crate::sign_in::factor;
use crate::sign_in::lockout;
use crate::sign_in::sign_out;
use crate::sql_type::Key;

/// Locks the row of the account, and returns the outcome of a refusal if the counter is closed, the
/// account deactivated, the password another one, or the passkey not accepted.
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
    let is_valid: bool = match proof {
        CurrentProof::Password(proof) => {
            let valid = active.filter(accounts::password_hash.eq(proof.hash.as_str()));
            let look = diesel::select(diesel::dsl::exists(valid));
            dispatch!(connection, inner => look.get_result(inner))?
        }
        CurrentProof::Passkey(proof) => {
            let valid = active.filter(accounts::password_hash.is_null());
            let look = diesel::select(diesel::dsl::exists(valid));
            let has_no_password: bool = dispatch!(connection, inner => look.get_result(inner))?;
            has_no_password && factor::accept_passkey(connection, account.id, proof)?.is_some()
        }
    };
    Ok((!is_valid).then_some(Outcome::Superseded))
}
