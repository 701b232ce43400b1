//! `AccountStore`: rows of the table `accounts`, and the account snapshots that tokens are issued
//! from.

use diesel::prelude::*;
use portcullis_domain::{
    Account, AccountId, AccountKind, DisplayName, Email, NetworkList, Role, Timestamp, Username,
};
use portcullis_flows::StoreError;
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::registration::NewAccount;
use portcullis_flows::sign_in::session_tokens::AccountSnapshot;
use portcullis_password::PasswordHash;

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::schema::accounts;
use crate::sql_type::{Instant, Key, natural};
use crate::store::Store;
use crate::time::clock_timestamp;

impl AccountStore for Store {
    fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(|connection| find(connection, id))
    }
}

pub(crate) fn find(connection: &mut Connection, id: AccountId) -> Result<Option<Account>, Failure> {
    let query = accounts::table.find(Key::from(id));
    let row = dispatch!(connection, inner => {
        query.select(AccountRow::as_select()).first(inner).optional()
    })?;
    row.map(Account::try_from).transpose()
}

/// Returns the account with this address, in any spelling.
pub(crate) fn holder_of(
    connection: &mut Connection,
    email: &Email,
) -> Result<Option<AccountId>, Failure> {
    let query = accounts::table.filter(accounts::email_key.eq(email.key())).select(accounts::id);
    let found: Option<Key> = dispatch!(connection, inner => query.first(inner).optional())?;
    Ok(found.map(AccountId::from))
}

/// Reads the account in the transaction that issues tokens for it.
pub(crate) fn find_snapshot(
    connection: &mut Connection,
    id: AccountId,
) -> Result<Option<AccountSnapshot>, Failure> {
    let query = accounts::table.find(Key::from(id));
    let row = dispatch!(connection, inner => {
        query.select(AccountSnapshotRow::as_select()).first(inner).optional()
    })?;
    row.map(AccountSnapshot::try_from).transpose()
}

/// Reads the same as [`find_snapshot`], and the time after it. One statement reads both, so that a
/// refresh costs no further round trip.
pub(crate) fn snapshot_now(
    connection: &mut Connection,
    id: AccountId,
) -> Result<Option<(AccountSnapshot, Timestamp)>, Failure> {
    if let (Inner::Postgres(inner), None) = (&mut connection.inner, &connection.clock) {
        let query = accounts::table.find(Key::from(id));
        let found: Option<(AccountSnapshotRow, Instant)> = query
            .select((AccountSnapshotRow::as_select(), clock_timestamp()))
            .first(inner)
            .optional()?;
        return found.map(|(row, now)| Ok((row.try_into()?, now.into()))).transpose();
    }
    let Some(snapshot) = find_snapshot(connection, id)? else { return Ok(None) };
    Ok(Some((snapshot, connection.now()?)))
}

/// The number of active accounts of people with one of these roles, without this account.
pub(crate) fn active_people(
    connection: &mut Connection,
    roles: &[&str],
    without: Option<AccountId>,
) -> Result<u64, Failure> {
    let people = accounts::table
        .filter(accounts::role.eq_any(roles))
        .filter(accounts::kind.ne(AccountKind::Service.as_str()))
        .filter(accounts::is_active.and(diesel::dsl::not(accounts::is_blocked)))
        .filter(accounts::id.ne_all(without.map(Key::from)))
        .count();
    let count: i64 = dispatch!(connection, inner => people.get_result(inner))?;
    Ok(natural(count))
}

/// The columns of an account that a token is issued from.
#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub(crate) struct AccountSnapshotRow {
    #[diesel(embed)]
    account: AccountRow,
    tokens_valid_from: Option<Instant>,
}

impl TryFrom<AccountSnapshotRow> for AccountSnapshot {
    type Error = Failure;

    fn try_from(row: AccountSnapshotRow) -> Result<Self, Failure> {
        Ok(Self {
            account: row.account.try_into()?,
            tokens_valid_from: row.tokens_valid_from.map(Timestamp::from),
        })
    }
}

/// A stored row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of the table")]
pub(crate) struct AccountRow {
    id: Key,
    username: String,
    email: String,
    display_name: Option<String>,
    kind: String,
    role: String,
    is_active: bool,
    is_blocked: bool,
    email_verified: bool,
    password_must_change: bool,
    mfa_enabled: bool,
    allowed_networks: Option<String>,
    created_at: Instant,
    last_sign_in_at: Option<Instant>,
}

impl TryFrom<AccountRow> for Account {
    type Error = Failure;

    fn try_from(row: AccountRow) -> Result<Self, Failure> {
        let corrupt = |column| Failure::Corrupt { table: "accounts", column };
        Ok(Self {
            id: row.id.into(),
            username: Username::parse(&row.username).map_err(|_| corrupt("username"))?,
            email: Email::stored(&row.email).map_err(|_| corrupt("email"))?,
            display_name: row.display_name.as_deref().and_then(shown),
            kind: row.kind.parse().map_err(|_| corrupt("kind"))?,
            role: Role::parse(&row.role).map_err(|_| corrupt("role"))?,
            is_active: row.is_active,
            is_blocked: row.is_blocked,
            email_verified: row.email_verified,
            password_must_change: row.password_must_change,
            mfa_enabled: row.mfa_enabled,
            allowed_networks: networks(row.allowed_networks.as_deref())?,
            created_at: row.created_at.into(),
            last_sign_in_at: row.last_sign_in_at.map(Timestamp::from),
        })
    }
}

/// Reads the column `allowed_networks`. A stored list that names no network would allow every address.
fn networks(stored: Option<&str>) -> Result<NetworkList, Failure> {
    let Some(text) = stored else { return Ok(NetworkList::default()) };
    let networks = text.parse().ok().filter(|networks: &NetworkList| !networks.is_empty());
    networks.ok_or(Failure::Corrupt { table: "accounts", column: "allowed_networks" })
}

/// The value of the column `allowed_networks`.
pub(crate) fn stored_networks(networks: &NetworkList) -> Option<String> {
    (!networks.is_empty()).then(|| networks.to_string())
}

/// Returns the stored display name; `None` if it breaks a rule that was added later.
pub(crate) fn shown(name: &str) -> Option<DisplayName> {
    DisplayName::parse(name).ok()
}

/// A row to insert.
#[derive(Insertable)]
#[diesel(table_name = accounts)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of the table")]
pub(crate) struct NewAccountRow<'a> {
    id: Key,
    username: &'a str,
    username_skeleton: &'a str,
    email: &'a str,
    email_key: &'a str,
    display_name: Option<&'a str>,
    kind: &'a str,
    role: &'a str,
    is_active: bool,
    is_blocked: bool,
    email_verified: bool,
    password_must_change: bool,
    password_hash: Option<&'a str>,
    created_at: Instant,
    updated_at: Instant,
    must_verify_email: bool,
}

impl<'a> NewAccountRow<'a> {
    pub(crate) fn new(new: &NewAccount<'a>) -> Self {
        let NewAccount { account, password_hash, must_verify_email, .. } = *new;
        Self {
            id: account.id.into(),
            username: account.username.as_str(),
            username_skeleton: account.username.skeleton(),
            email: account.email.as_str(),
            email_key: account.email.key(),
            display_name: account.display_name.as_ref().map(DisplayName::as_str),
            kind: account.kind.as_str(),
            role: account.role.as_str(),
            is_active: account.is_active,
            is_blocked: account.is_blocked,
            email_verified: account.email_verified,
            password_must_change: account.password_must_change,
            password_hash: password_hash.map(PasswordHash::as_str),
            created_at: account.created_at.into(),
            updated_at: account.created_at.into(),
            must_verify_email,
        }
    }
}
