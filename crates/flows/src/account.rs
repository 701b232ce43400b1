//! Who am I: the account behind an access token.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use portcullis_domain::{Account, AccountId};

use crate::StoreError;

/// What reading an account needs from storage.
pub trait AccountStore: Send + Sync {
    /// The account, unless it has been deleted.
    fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
}

/// Reads accounts, at most [`Accounts::STALENESS`] behind the database.
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    recent: Cache<AccountId, Arc<Account>>,
}

impl Accounts {
    /// How far an answer may lag behind a change: the bound that holds for revocation too.
    pub const STALENESS: Duration = Duration::from_secs(1);

    /// A reader that remembers up to 10,000 accounts.
    pub fn new(store: Arc<dyn AccountStore>) -> Self {
        let recent = Cache::builder().max_capacity(10_000).time_to_live(Self::STALENESS).build();
        Self { store, recent }
    }

    /// The account if it was read a moment ago; never blocks.
    pub fn recent(&self, id: AccountId) -> Option<Arc<Account>> {
        self.recent.get(&id)
    }

    /// The account as stored.
    pub fn read(&self, id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        let account = self.store.account(id)?.map(Arc::new);
        if let Some(account) = &account {
            self.recent.insert(id, Arc::clone(account));
        }
        Ok(account)
    }
}
