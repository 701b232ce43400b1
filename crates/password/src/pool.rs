//! The hashing pool: bounded resources for hashing, so that a flood of sign-ins does not slow down
//! the rest of the server.
//!
//! Hashing is the most expensive work that an unauthenticated client can cause, with 19 MiB and 13
//! ms for each hash. So the pool has its own threads with a low priority, memory for one hash of
//! each thread, a short queue that is fair between client addresses, and a deadline. Work that does
//! not fit is refused immediately with an estimated retry time, instead of a timeout in a growing
//! queue.

use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use portcullis_domain::{Clock, SecureRandom, Supervised, client_network};

use crate::hasher::SALT_BYTES;
use crate::places::{HashingPermit, HashingSemaphore};
use crate::worker::{Job, PoolState};
use crate::{
    HashCost, HashError, Hasher, Password, PasswordHash, PoolSettings, Scratch, VerificationResult,
};

/// The hashing threads and their queue. Dropping the pool ends the threads.
pub struct HashingPool {
    workplace: Arc<PoolState>,
    /// The admission control of callers.
    places: Arc<HashingSemaphore>,
    refused: AtomicUsize,
    workers: Vec<Supervised>,
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// An error when the operating system cannot create a thread.
    pub fn new(settings: PoolSettings, hasher: Hasher, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let workplace = Arc::new(PoolState::new(settings, hasher, clock));
        let busy = settings.threads.max(1).saturating_add(settings.queue);
        let of_one = busy.saturating_add(settings.queue / 8).saturating_add(1);
        let places = Arc::new(HashingSemaphore::new(of_one.saturating_mul(2)));
        let refused = AtomicUsize::new(0);
        let mut pool = Self { workplace, places, refused, workers: Vec::new() };
        for number in 0..settings.threads.max(1) {
            let workplace = Arc::clone(&pool.workplace);
            let name = format!("hashing-{number}");
            pool.workers.push(Supervised::restarting(name, move || workplace.work())?);
        }
        Ok(pool)
    }

    /// The hasher of the jobs, also for its [decoys](Hasher::decoy).
    pub fn hasher(&self) -> &Hasher {
        self.workplace.hasher()
    }

    /// Returns whether all threads are running.
    pub fn is_running(&self) -> bool {
        self.workers.iter().all(Supervised::is_running)
    }

    /// The number of waiting jobs.
    pub fn waiting(&self) -> usize {
        self.workplace.waiting()
    }

    /// The number of refused jobs and callers so far.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Runs one job in the pool for a client, and waits for it. It blocks, so do not call it on an
    /// async thread.
    ///
    /// Addresses take turns; an IPv6 /64 counts as one address. When the queue is full, the newest
    /// job of the address with most jobs is removed for a client with a smaller share.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the queue is full, when the job was removed from it, or when no thread
    /// was free before the deadline. In each case the job has not started and never will.
    ///
    /// # Panics
    ///
    /// When the job panics, with the same panic. The pool continues.
    pub fn run<T, F>(&self, address: IpAddr, job: F) -> Result<T, Overloaded>
    where
        T: Send + 'static,
        F: FnOnce(&Hasher, &mut Scratch) -> T + Send + 'static,
    {
        self.do_one(address, false, job)
    }

    fn do_one<T, F>(&self, address: IpAddr, is_costly: bool, job: F) -> Result<T, Overloaded>
    where
        T: Send + 'static,
        F: FnOnce(&Hasher, &mut Scratch) -> T + Send + 'static,
    {
        let (answer, outcome) = sync_channel(1);
        let job: Job = Box::new(move |hasher, scratch| {
            let result = catch_unwind(AssertUnwindSafe(|| job(hasher, scratch)));
            // The caller waits until it has a result or this job is dropped.
            drop(answer.send(result));
        });
        let ticket = self.workplace.admit(client_network(address).0, job, is_costly);
        let ticket = ticket.ok_or_else(|| self.overloaded())?;

        let result = match outcome.recv_timeout(self.workplace.deadline()) {
            Err(RecvTimeoutError::Timeout) if self.workplace.abandon(ticket) => None,
            Err(RecvTimeoutError::Timeout) => outcome.recv().ok(),
            received => received.ok(),
        };
        match result {
            Some(Ok(value)) => Ok(value),
            Some(Err(panic)) => resume_unwind(panic),
            None => Err(self.overloaded()),
        }
    }

    /// Admits a caller that will need hashing, before it queries the database and before it
    /// occupies a thread to wait on.
    ///
    /// A single address gets as many places as jobs can run and wait, and a few more. That is half
    /// of all places: an address gets a further place only while it has fewer than are free, so
    /// that a flood from one address cannot take them all.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the share of the address is used up.
    pub fn enter(&self, address: IpAddr) -> Result<HashingPermit, Overloaded> {
        self.places.take(client_network(address).0).ok_or_else(|| self.overloaded())
    }

    /// Hashes a new password; see [`Hasher::hash`] and [`HashingPool::run`].
    pub fn hash(
        &self,
        address: IpAddr,
        password: Password,
        random: &dyn SecureRandom,
    ) -> Result<PasswordHash, HashingError> {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        let hash = self.run(address, move |hasher, scratch| {
            hasher.hash_with_salt(&password, &salt, scratch)
        })?;
        Ok(hash?)
    }

    /// Hashes the texts of a set of codes with one new salt; see [`Hasher::hash_like`]. Each is a job
    /// of its own, so that other clients take turns.
    pub fn hash_set(
        &self,
        address: IpAddr,
        texts: Vec<Password>,
        random: &dyn SecureRandom,
    ) -> Result<Vec<PasswordHash>, HashingError> {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        let hash = |text: Password| {
            let job = move |hasher: &Hasher, scratch: &mut Scratch| {
                hasher.hash_with_salt(&text, &salt, scratch)
            };
            Ok(self.run(address, job)??)
        };
        texts.into_iter().map(hash).collect()
    }

    /// Hashes a typed code as the codes of a set were hashed; see [`Hasher::hash_like`].
    pub fn hash_like(
        &self,
        address: IpAddr,
        typed: Password,
        other: PasswordHash,
    ) -> Result<PasswordHash, HashingError> {
        let job =
            move |hasher: &Hasher, scratch: &mut Scratch| hasher.hash_like(&typed, &other, scratch);
        Ok(self.run(address, job)??)
    }

    /// Verifies a password against a stored hash; see [`Hasher::verify`] and [`HashingPool::run`].
    /// A hash above [`PoolSettings::max_bcrypt_cost`] waits while too many such hashes are being
    /// verified.
    pub fn verify(
        &self,
        address: IpAddr,
        password: Password,
        stored: PasswordHash,
    ) -> Result<VerificationResult, Overloaded> {
        let is_costly = match stored.cost() {
            HashCost::Bcrypt { cost } => cost > self.workplace.max_bcrypt_cost(),
            HashCost::Argon2id { .. } => false,
        };
        let job = move |hasher: &Hasher, scratch: &mut Scratch| {
            hasher.verify(&password, &stored, scratch)
        };
        self.do_one(address, is_costly, job)
    }

    /// Each refusal gets a retry time one second later than the previous one, up to [`SPREAD`], so
    /// that refused clients do not all return at the same time.
    fn overloaded(&self) -> Overloaded {
        let spread = self.refused.fetch_add(1, Ordering::Relaxed) % SPREAD;
        let spread = Duration::from_secs(u64::try_from(spread).unwrap_or(0));
        let expected = self.workplace.expected_wait().max(Overloaded::MIN_RETRY_AFTER);
        Overloaded { retry_after: expected.saturating_add(spread) }
    }
}

impl Drop for HashingPool {
    fn drop(&mut self) {
        self.workplace.close();
        for worker in self.workers.drain(..) {
            worker.join(CLOSE_TIMEOUT);
        }
    }
}

impl std::fmt::Debug for HashingPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashingPool")
            .field("threads", &self.workers.len())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// The pool has no capacity; no hash was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked, try again in {} s", .retry_after.as_secs())]
pub struct Overloaded {
    /// The estimated time until there is capacity: the waiting jobs at the recent speed. It is at
    /// least one second, plus up to three seconds that spread the retries of refused clients.
    pub retry_after: Duration,
}

impl Overloaded {
    const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
}

/// The reason why a new password was not hashed.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashingError {
    /// The pool had no capacity.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The hash failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The password could not be looked up in the list of breached passwords on this machine.
    #[error("the list of breached passwords cannot be read")]
    UnreadableList,
}

portcullis_domain::debug_as_display!(HashingError);

/// Longer than a hash takes, because a thread finishes a hash that it has started.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of seconds over which the retries of refused clients are spread.
const SPREAD: usize = 4;
