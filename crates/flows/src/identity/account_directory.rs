//! The directory of accounts for operators: a list with a filter, and one account in detail.

use std::sync::Arc;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, AccountId, Ambient, Timestamp};
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

/// Reads accounts for operators.
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
        let counters = [
            self.counters.of_strangers(account),
            self.counters.of_known_devices(account, found.epoch),
            self.counters.of_factors(account),
        ];
        let (kind, outcome) = (EventKind::AccountRead, Outcome::Success);
        let event = event_now(kind, outcome, &operator.origin, &self.ambient)
            .about(account)
            .by(operator.actor);
        self.store.account_details(account, &counters, &event.into())
    }
}
