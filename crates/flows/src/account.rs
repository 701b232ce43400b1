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
    /// Those that were read in the first half of that time, or are being read.
    fresh: Cache<AccountId, ()>,
}

impl Accounts {
    /// How far an answer may lag behind a change: the bound that holds for revocation too.
    pub const STALENESS: Duration = Duration::from_secs(1);

    /// A reader that remembers up to 10,000 accounts.
    pub fn new(store: Arc<dyn AccountStore>) -> Self {
        Self {
            store,
            recent: Cache::builder().max_capacity(MOST).time_to_live(Self::STALENESS).build(),
            fresh: Cache::builder().max_capacity(MOST).time_to_live(Self::STALENESS / 2).build(),
        }
    }

    /// The account if it was read a moment ago; never blocks.
    pub fn recent(&self, id: AccountId) -> Option<Arc<Account>> {
        self.recent.get(&id)
    }

    /// Whether the caller shall read the account again in the background: so whoever asks often never
    /// waits for the database. Answers `true` to one caller each time.
    pub fn claim_renewal(&self, id: AccountId) -> bool {
        self.fresh.entry(id).or_insert(()).is_fresh()
    }

    /// The account as stored.
    pub fn read(&self, id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        let account = self.store.account(id)?.map(Arc::new);
        if let Some(account) = &account {
            self.recent.insert(id, Arc::clone(account));
            self.fresh.insert(id, ());
        }
        Ok(account)
    }
}

/// Accounts that are remembered.
const MOST: u64 = 10_000;
