//! The account of the caller, and the cache of accounts that permission checks look up.

use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portcullis_domain::{Account, AccountId, Clock, Supervised};
use quick_cache::sync::Cache;

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
    /// The begin of the read, on the monotonic clock.
    read_at: Duration,
    /// True once a caller has asked for its renewal.
    is_renewed: AtomicBool,
    document: OnceLock<Box<[u8]>>,
}

impl CachedAccount {
    const fn new(account: Account, read_at: Duration) -> Self {
        Self { account, read_at, is_renewed: AtomicBool::new(false), document: OnceLock::new() }
    }

    /// Claims the renewal of an account of half the age that it may reach. Returns `true` to one caller.
    fn claims_renewal(&self, age: Duration) -> bool {
        age >= Accounts::MAX_AGE / 2
            && !self.is_renewed.load(Ordering::Relaxed)
            && !self.is_renewed.swap(true, Ordering::Relaxed)
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
    clock: Arc<dyn Clock>,
    recent: Cache<AccountId, Arc<CachedAccount>>,
}

impl Accounts {
    /// The maximum lag behind a change: the bound that holds for revocation too.
    pub const MAX_AGE: Duration = Duration::from_secs(1);

    /// Starts a reader that caches up to 10,000 accounts. A thread of its own, independent of
    /// requests, refreshes the accounts that are used often.
    pub fn start(store: Arc<dyn AccountStore>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let memory = Arc::new(Memory { store, clock, recent: Cache::new(MAX_ACCOUNTS) });
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
    ///
    /// The age counts from the beginning of the read: the database may have changed the account while
    /// the answer was on its way.
    pub fn recent(&self, id: AccountId) -> Option<Arc<CachedAccount>> {
        let account = self.memory.recent.get(&id)?;
        let age = self.memory.clock.monotonic().saturating_sub(account.read_at);
        if age >= Self::MAX_AGE {
            return None;
        }
        if account.claims_renewal(age) {
            // With a full queue the refresh is skipped, and the next caller after the expiry reads
            // the account.
            let _ = self.renewals.try_send(id);
        }
        Some(account)
    }

    /// Removes the account from the cache of this node, after a change. A renewal that began before
    /// the change may bring its former state back, for [`Self::MAX_AGE`] at most.
    pub fn forget(&self, id: AccountId) {
        self.memory.recent.remove(&id);
    }

    /// The account as stored.
    pub fn read(&self, id: AccountId) -> Result<Option<Arc<CachedAccount>>, StoreError> {
        self.memory.read(id)
    }
}

impl Memory {
    /// Refreshes accounts until all senders are gone.
    fn renew_all(&self, wanted: &Receiver<AccountId>) {
        for id in wanted {
            // After a failure the next reader misses the cache, asks the database, and gets the
            // error.
            let _ = self.read(id);
        }
    }

    fn read(&self, id: AccountId) -> Result<Option<Arc<CachedAccount>>, StoreError> {
        let begun = self.clock.monotonic();
        let account = self.store.account(id)?;
        let account = account.map(|account| {
            let account = Arc::new(CachedAccount::new(account, begun));
            self.recent.insert(id, Arc::clone(&account));
            account
        });
        Ok(account)
    }
}

/// Accounts in the cache.
const MAX_ACCOUNTS: usize = 10_000;

/// Accounts that wait to be refreshed.
const MAX_WAITING: usize = 1_000;
