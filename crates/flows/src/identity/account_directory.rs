//! The directory of accounts: a list and one account in detail for operators, and a search for
//! administrators.

use std::sync::Arc;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{
    Account, AccountId, AccountKind, Ambient, Email, Role, Timestamp, Username,
};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::{Effects, event_now};
use crate::principal::Principal;
use crate::sign_in::lockout::FailureCounters;
use crate::sign_in::{Identifier, SignInStore};

/// The port of the directory, in addition to that of sign-in.
pub trait AccountDirectoryStore: SignInStore {
    /// The accounts that match, the newest first, and records the effects.
    fn list_accounts(
        &self,
        query: &AccountQuery,
        effects: &Effects,
    ) -> Result<Vec<Account>, StoreError>;

    /// A page of the accounts that match, in the order of [`AccountSearch`], and records the effects.
    fn search_accounts(
        &self,
        search: &AccountSearch,
        effects: &Effects,
    ) -> Result<AccountPage, StoreError>;

    /// The account in detail, and records the effects if it exists.
    fn account_details(
        &self,
        account: AccountId,
        counters: &[Digest],
        effects: &Effects,
    ) -> Result<Option<AccountDetails>, StoreError>;
}

/// A filter of accounts, and the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// Text in the user name, the address or the display name, whatever its letter case.
    pub text: Option<String>,
    /// The name of the role.
    pub role: Option<String>,
    /// True for active accounts, false for deactivated ones.
    pub is_active: Option<bool>,
    /// The last account of the page before.
    pub after: Option<AccountId>,
    /// The maximum number of accounts.
    pub most: u32,
}

/// A search for accounts, and the page.
///
/// Without a prefix, all accounts are in the order of their user names. With one, the accounts whose user
/// name begins with it come first, in this order, then those whose address alone does, in the order of the
/// keys of their addresses. Texts are compared by their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSearch {
    /// The first letters of the user name or of the address.
    pub prefix: Option<NamePrefix>,
    /// The role.
    pub role: Option<Role>,
    /// The kind.
    pub kind: Option<AccountKind>,
    /// True for active accounts, false for deactivated ones.
    pub is_active: Option<bool>,
    /// The end of the page before.
    pub after: Option<SearchPosition>,
    /// The maximum number of accounts.
    pub most: u32,
}

/// The first letters of a user name or an address, in the normal form of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePrefix {
    /// Of a user name; `None` if no name begins like this.
    pub username: Option<String>,
    /// Of the key of an address; `None` if no key begins like this.
    pub email: Option<String>,
}

impl NamePrefix {
    /// The prefix of this text as typed.
    pub fn of(text: &str) -> Self {
        Self { username: Username::prefix(text), email: Email::key_prefix(text) }
    }
}

/// A position in the order of a search: its text is the user name or the key of the address. Only the
/// latter contains an `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchPosition {
    /// After this user name.
    Username(String),
    /// After this key of an address.
    Email(String),
}

impl SearchPosition {
    /// The position of this text.
    pub fn of(text: String) -> Self {
        if text.contains('@') { Self::Email(text) } else { Self::Username(text) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Username(text) | Self::Email(text) => text,
        }
    }
}

/// A page of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPage {
    /// The accounts. A page that is not the last one may have fewer than the maximum, or none: one request
    /// reads a limited number of accounts.
    pub accounts: Vec<Account>,
    /// The end of the page; `None` on the last one.
    pub next: Option<SearchPosition>,
}

/// An account in detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDetails {
    /// The account.
    pub account: Account,
    /// True if the account has a password.
    pub has_password: bool,
    /// The number of live sessions.
    pub sessions: u64,
    /// The failures in a row of its counters, of passwords and codes: the most of them.
    pub failures: u32,
    /// The end of the longest wait of its counters, if that is in the future.
    pub locked_until: Option<Timestamp>,
}

/// Reads accounts for operators and administrators.
pub struct AccountDirectory {
    store: Arc<dyn AccountDirectoryStore>,
    counters: FailureCounters,
    ambient: Ambient,
}

impl AccountDirectory {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn AccountDirectoryStore>,
        counters: FailureCounters,
        ambient: Ambient,
    ) -> Self {
        Self { store, counters, ambient }
    }

    /// The accounts that match, the newest first. The reading is recorded.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn list(
        &self,
        operator: &Principal,
        query: &AccountQuery,
    ) -> Result<Vec<Account>, StoreError> {
        let (kind, outcome) = (EventKind::AccountsListed, Outcome::Success);
        let event = event_now(kind, outcome, &operator.origin, &self.ambient).by(operator.actor);
        self.store.list_accounts(query, &event.into())
    }

    /// A page of the accounts that match. The reading is recorded.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn search(
        &self,
        principal: &Principal,
        search: &AccountSearch,
    ) -> Result<AccountPage, StoreError> {
        let (kind, outcome) = (EventKind::AccountsListed, Outcome::Success);
        let event = event_now(kind, outcome, &principal.origin, &self.ambient).by(principal.actor);
        self.store.search_accounts(search, &event.into())
    }

    /// The account of a user name or an address. The reading is recorded.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn show(
        &self,
        operator: &Principal,
        name: &str,
    ) -> Result<Option<AccountDetails>, StoreError> {
        let Some(found) = self.store.credentials(&Identifier::parse(name))? else {
            return Ok(None);
        };
        let account = found.account.id;
        let counters = self.counters.of_account(account, found.epoch);
        let (kind, outcome) = (EventKind::AccountRead, Outcome::Success);
        let event = event_now(kind, outcome, &operator.origin, &self.ambient)
            .about(account)
            .by(operator.actor);
        self.store.account_details(account, &counters, &event.into())
    }
}
