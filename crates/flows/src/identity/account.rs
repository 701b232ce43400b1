//! The account of the caller, and the cache of accounts that permission checks look up.

use std::io;
use std::ops::Deref;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use moka::sync::Cache;
use portcullis_domain::{Account, AccountId, Supervised};

use crate::StoreError;

/// The port for reading an account.
pub trait AccountStore: Send + Sync {
    /// The account, unless it has been deleted.
    fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
}

/// An account as it was read.
#[derive(Debug)]
pub struct CachedAccount {
    account: Account,
    document: OnceLock<Box<[u8]>>,
}

impl CachedAccount {
    const fn new(account: Account) -> Self {
        Self { account, document: OnceLock::new() }
    }

    /// The account in the form in which callers get it. It is written once and kept with the
    /// account, because a caller asks many times in the life of a cached account.
    pub fn document(&self, write: impl FnOnce(&Account) -> Vec<u8>) -> &[u8] {
        self.document.get_or_init(|| write(&self.account).into_boxed_slice())
    }
}

impl Deref for CachedAccount {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.account
    }
}

/// Reads accounts, at most [`Accounts::MAX_AGE`] behind the database.
pub struct Accounts {
    memory: Arc<Memory>,
    renewals: SyncSender<AccountId>,
    reader: Supervised,
}

struct Memory {
    store: Arc<dyn AccountStore>,
    recent: Cache<AccountId, Arc<CachedAccount>>,
    /// Accounts read in the first half of that time, or about to be read.
    fresh: Cache<AccountId, ()>,
}

impl Accounts {
    /// The maximum lag behind a change: the bound that holds for revocation too.
    pub const MAX_AGE: Duration = Duration::from_secs(1);

    /// Starts a reader that caches up to 10,000 accounts. A thread of its own, independent of
    /// requests, refreshes the accounts that are used often.
    pub fn start(store: Arc<dyn AccountStore>) -> io::Result<Self> {
        let memory = Arc::new(Memory {
            store,
            recent: remembering_for(Self::MAX_AGE),
            fresh: remembering_for(Self::MAX_AGE / 2),
        });
        let (renewals, wanted) = sync_channel(MAX_WAITING);
        let work = Arc::clone(&memory);
        let reader = Supervised::restarting("accounts", move || work.renew_all(&wanted))?;
        Ok(Self { memory, renewals, reader })
    }

    /// True while the refresh thread runs.
    pub fn is_running(&self) -> bool {
        self.reader.is_running()
    }

    /// The account if it was read recently; never blocks. A caller that asks often never waits for
    /// the database.
    pub fn recent(&self, id: AccountId) -> Option<Arc<CachedAccount>> {
        let account = self.memory.recent.get(&id)?;
        if self.memory.claims_renewal(id) {
            // With a full queue the refresh is skipped, and the next caller after the expiry reads
            // the account.
            let _ = self.renewals.try_send(id);
        }
        Some(account)
    }

    /// The account as stored.
    pub fn read(&self, id: AccountId) -> Result<Option<Arc<CachedAccount>>, StoreError> {
        self.memory.read(id)
    }
}

impl Memory {
    /// Claims the refresh of the account if it is due. Returns `true` to one caller each time.
    fn claims_renewal(&self, id: AccountId) -> bool {
        !self.fresh.contains_key(&id) && self.fresh.entry(id).or_insert(()).is_fresh()
    }

    /// Refreshes accounts until all senders are gone.
    fn renew_all(&self, wanted: &Receiver<AccountId>) {
        for id in wanted {
            // After a failure the next reader misses the cache, asks the database, and gets the
            // error.
            let _ = self.read(id);
        }
    }

    fn read(&self, id: AccountId) -> Result<Option<Arc<CachedAccount>>, StoreError> {
        let account = self.store.account(id)?.map(CachedAccount::new).map(Arc::new);
        if let Some(account) = &account {
            self.recent.insert(id, Arc::clone(account));
            self.fresh.insert(id, ());
        }
        Ok(account)
    }
}

fn remembering_for<T: Clone + Send + Sync + 'static>(time: Duration) -> Cache<AccountId, T> {
    Cache::builder().max_capacity(MAX_ACCOUNTS).time_to_live(time).build()
}

/// Accounts in the cache.
const MAX_ACCOUNTS: u64 = 10_000;

/// Accounts that wait to be refreshed.
const MAX_WAITING: usize = 1_000;
