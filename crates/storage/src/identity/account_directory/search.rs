//! The search of accounts: pages of user names, then of addresses.
//!
//! A page costs a limited number of rows, however many accounts there are. Each combination of kind and
//! state is a part of an index that is in the order of user names, with or without a role before it; a
//! filter that leaves one of them out reads a page of every part, and merges them. Addresses have one index.
//! There a filter is applied to the rows that were read, at most [`MAX_CHUNKS`] times [`CHUNK`].

use diesel::prelude::*;
use portcullis_domain::{Account, AccountKind, Role};
use portcullis_flows::identity::account_directory::{
    AccountPage, AccountSearch, NamePrefix, SearchPosition,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account::AccountRow;
use crate::schema::accounts;
use crate::sql_type::Key;

/// The number of addresses that one statement reads.
const CHUNK: usize = 500;

/// The maximum number of these statements of a page.
const MAX_CHUNKS: usize = 10;

pub(super) fn page(
    connection: &mut Connection,
    search: &AccountSearch,
) -> Result<AccountPage, Failure> {
    let most = usize::try_from(search.most).unwrap_or(usize::MAX);
    let mut found = by_username(connection, search)?;
    if found.len() > most {
        found.truncate(most);
        let next = found.last().map(position);
        return Ok(AccountPage { accounts: found, next });
    }
    let rest = by_email(connection, search, most - found.len())?;
    let before = found.last().map(position);
    found.extend(rest.accounts);
    let next = match rest.end {
        End::Last => None,
        End::After(key) => Some(SearchPosition::Email(key)),
        End::Start => before.or_else(|| search.after.clone()),
    };
    Ok(AccountPage { accounts: found, next })
}

fn position(account: &Account) -> SearchPosition {
    SearchPosition::Username(account.username.as_str().to_owned())
}

/// The texts from one on, and before another, in the order of their bytes.
struct Range {
    from: String,
    until: String,
}

impl Range {
    /// The texts with this prefix, after the one of the page before.
    fn new(prefix: &str, after: Option<&str>) -> Self {
        // Neither a name nor a key contains a control character, or the last character of Unicode.
        let next = after.map(|after| format!("{after}\u{1}")).unwrap_or_default();
        Self { from: next.max(prefix.to_owned()), until: format!("{prefix}\u{10ffff}") }
    }
}

/// The accounts of the page by their user names, and one more.
fn by_username(
    connection: &mut Connection,
    search: &AccountSearch,
) -> Result<Vec<Account>, Failure> {
    let prefix = match &search.prefix {
        None => Some(""),
        Some(prefix) => prefix.username.as_deref(),
    };
    let after = match &search.after {
        Some(SearchPosition::Email(_)) => return Ok(Vec::new()),
        Some(SearchPosition::Username(name)) => Some(name.as_str()),
        None => None,
    };
    let Some(prefix) = prefix else { return Ok(Vec::new()) };
    let range = Range::new(prefix, after);
    let mut found = Vec::new();
    for part in parts(search) {
        let rows: Vec<AccountRow> = dispatch!(connection, inner => {
            let mut some = accounts::table.into_boxed();
            if let Some((kind, is_active)) = part {
                some = some.filter(accounts::kind.eq(kind.as_str()));
                some = some.filter(accounts::is_active.eq(is_active));
            }
            if let Some(role) = &search.role {
                some = some.filter(accounts::role.eq(role.as_str()));
            }
            some.filter(accounts::username.ge(&range.from))
                .filter(accounts::username.lt(&range.until))
                .order(accounts::username)
                .limit(i64::from(search.most) + 1)
                .select(AccountRow::as_select())
                .load(inner)
        })?;
        for row in rows {
            found.push(Account::try_from(row)?);
        }
    }
    found.sort_by(|one, other| one.username.as_str().cmp(other.username.as_str()));
    Ok(found)
}

/// The parts of the index that hold what the filter wants; `None` is all of it.
fn parts(search: &AccountSearch) -> Vec<Option<(AccountKind, bool)>> {
    if search.role.is_none() && search.kind.is_none() && search.is_active.is_none() {
        return vec![None];
    }
    let kinds = AccountKind::ALL.into_iter();
    let wanted = kinds.filter(|kind| search.kind.is_none_or(|wanted| wanted == *kind));
    let states = |kind| [true, false].map(|is_active| (kind, is_active));
    wanted
        .flat_map(states)
        .filter(|(_, state)| search.is_active.is_none_or(|wanted| wanted == *state))
        .map(Some)
        .collect()
}

/// The accounts that only their address finds.
struct ByEmail {
    accounts: Vec<Account>,
    end: End,
}

/// The end of a page of addresses.
enum End {
    /// There is no other address.
    Last,
    /// Others may follow this key.
    After(String),
    /// Others follow, and none was taken.
    Start,
}

fn by_email(
    connection: &mut Connection,
    search: &AccountSearch,
    most: usize,
) -> Result<ByEmail, Failure> {
    let Some(NamePrefix { username, email: Some(prefix) }) = &search.prefix else {
        return Ok(ByEmail { accounts: Vec::new(), end: End::Last });
    };
    let after = match &search.after {
        Some(SearchPosition::Email(key)) => Some(key.as_str()),
        _ => None,
    };
    let mut range = Range::new(prefix, after);
    let mut taken: Vec<AddressRow> = Vec::new();
    let mut end = None;
    for _ in 0..MAX_CHUNKS {
        let rows = addresses(connection, &range)?;
        let is_last = rows.len() < CHUNK;
        if let Some(last) = rows.last() {
            range = Range { from: Range::new(prefix, Some(&last.email_key)).from, ..range };
            end = Some(End::After(last.email_key.clone()));
        }
        taken.extend(rows.into_iter().filter(|row| row.matches(search, username.as_deref())));
        if taken.len() > most || is_last {
            end = is_last.then_some(End::Last).or(end);
            break;
        }
    }
    if taken.len() > most {
        taken.truncate(most);
        end = Some(taken.last().map_or(End::Start, |last| End::After(last.email_key.clone())));
    }
    let ids = taken.into_iter().map(|row| row.id);
    let accounts = accounts_of(connection, ids.collect())?;
    Ok(ByEmail { accounts, end: end.unwrap_or(End::Last) })
}

fn addresses(connection: &mut Connection, range: &Range) -> Result<Vec<AddressRow>, Failure> {
    let some = accounts::table
        .filter(accounts::email_key.ge(&range.from))
        .filter(accounts::email_key.lt(&range.until))
        .order(accounts::email_key)
        .limit(i64::try_from(CHUNK).unwrap_or(i64::MAX));
    Ok(dispatch!(connection, inner => some.select(AddressRow::as_select()).load(inner))?)
}

fn accounts_of(connection: &mut Connection, ids: Vec<Key>) -> Result<Vec<Account>, Failure> {
    let some = accounts::table.filter(accounts::id.eq_any(ids)).order(accounts::email_key);
    let rows: Vec<AccountRow> =
        dispatch!(connection, inner => some.select(AccountRow::as_select()).load(inner))?;
    rows.into_iter().map(Account::try_from).collect()
}

/// The columns that tell whether an address is one of the page.
#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct AddressRow {
    id: Key,
    email_key: String,
    username: String,
    kind: String,
    role: String,
    is_active: bool,
}

impl AddressRow {
    /// An account whose user name has the prefix is among the user names.
    fn matches(&self, search: &AccountSearch, prefix: Option<&str>) -> bool {
        prefix.is_none_or(|prefix| !self.username.starts_with(prefix))
            && search.role.as_ref().map(Role::as_str).is_none_or(|role| self.role == role)
            && search.kind.is_none_or(|kind| self.kind == kind.as_str())
            && search.is_active.is_none_or(|is_active| self.is_active == is_active)
    }
}
