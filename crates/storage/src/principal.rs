//! Validates the principal again inside the transaction: account active, role unchanged, session
//! and token not revoked. Tables `accounts`, `api_keys` and `revocations`.

use diesel::dsl::exists;
use diesel::prelude::*;
use portcullis_domain::Account;
use portcullis_flows::principal::{Credential, Principal};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::machine::api_key_row;
use crate::schema::revocations;
use crate::sql_type::Key;

/// Returns the account of the principal; `None` if it has none, if the account is gone, or if the
/// session or the token is revoked, or the API key. Every end of a session revokes it in the same transaction.
pub(crate) fn find(
    connection: &mut Connection,
    principal: &Principal,
) -> Result<Option<Account>, Failure> {
    let Some(account) = principal.account() else { return Ok(None) };
    let names: [Key; 2] = match &principal.credential {
        Credential::AccessToken { session, token, .. } => [(*session).into(), (*token).into()],
        Credential::ApiKey { key, .. } => {
            let now = connection.now()?;
            let is_live = api_key_row::find(connection, *key)?
                .is_some_and(|found| found.account == account && found.expires_at > now);
            return if is_live { account::find(connection, account) } else { Ok(None) };
        }
        Credential::CommandLine => return Ok(None),
    };
    let look = diesel::select(exists(revocations::table.filter(revocations::target.eq_any(names))));
    let is_revoked: bool = dispatch!(connection, inner => look.get_result(inner))?;
    if is_revoked {
        return Ok(None);
    }
    account::find(connection, account)
}

/// Returns whether the account of the principal is active and has the role of its credential. The
/// operator has no account that could have changed.
pub(crate) fn is_entitled(
    connection: &mut Connection,
    principal: &Principal,
) -> Result<bool, Failure> {
    if principal.is_operator() {
        return Ok(true);
    }
    let found = find(connection, principal)?;
    Ok(found.is_some_and(|account| {
        account.is_active && !account.is_blocked && principal.role == Some(account.role)
    }))
}
