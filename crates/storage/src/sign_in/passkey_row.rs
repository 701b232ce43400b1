//! Rows of the table `passkeys`, as the acceptance of factors and the list of passkeys read them.

use diesel::prelude::*;
use portcullis_domain::{AccountId, PasskeyId};
use portcullis_flows::sign_in::factor::SealedPasskey;
use portcullis_mfa::passkey::{CredentialId, Transports};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::passkeys;
use crate::sql_type::Key;

/// The number of passkeys of the account.
pub(crate) fn count(connection: &mut Connection, account: AccountId) -> Result<i64, Failure> {
    let own = passkeys::table.filter(passkeys::account_id.eq(Key::from(account))).count();
    Ok(dispatch!(connection, inner => own.get_result(inner))?)
}

/// True if the account has a passkey that signs in alone, apart from `except`.
pub(crate) fn signs_in_alone(
    connection: &mut Connection,
    account: AccountId,
    except: Option<PasskeyId>,
) -> Result<bool, Failure> {
    let alone = passkeys::table
        .filter(passkeys::account_id.eq(Key::from(account)))
        .filter(passkeys::id.ne_all(except.map(Key::from)))
        .filter(passkeys::is_user_verified)
        .filter(passkeys::is_discoverable);
    let look = diesel::select(diesel::dsl::exists(alone));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// The transports of a stored row.
pub(crate) fn transports(words: &str) -> Transports {
    Transports::from_words(words.split(' '))
}

/// The credential id of a stored row.
pub(crate) fn credential(bytes: Vec<u8>) -> Result<CredentialId, Failure> {
    let corrupt = |_| Failure::Corrupt { table: "passkeys", column: "credential_id" };
    CredentialId::from_bytes(bytes).map_err(corrupt)
}

/// What the verification of a passkey needs.
#[derive(Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub(crate) struct SealedRow {
    credential_id: Vec<u8>,
    sealed_key: Vec<u8>,
    counter: i64,
    is_user_verified: bool,
}

impl TryFrom<SealedRow> for SealedPasskey {
    type Error = Failure;

    fn try_from(row: SealedRow) -> Result<Self, Failure> {
        let corrupt = |_| Failure::Corrupt { table: "passkeys", column: "counter" };
        Ok(Self {
            credential: credential(row.credential_id)?,
            sealed: row.sealed_key,
            counter: u32::try_from(row.counter).map_err(corrupt)?,
            is_user_verified: row.is_user_verified,
        })
    }
}
