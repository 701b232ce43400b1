//! A bounded place to hash in, so that a flood of sign-ins costs the rest of the server nothing.
//!
//! Hashing is the one thing a stranger can make the server do at will, at 19 MiB and 13 ms each. So
//! it has threads of its own, below normal priority; memory for as many hashes as there are threads;
//! a short queue shared fairly between client addresses; and a deadline. What does not fit is told
//! so at once, with an honest guess of when to come back, rather than left to time out in a growing
//! queue.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use portcullis_domain::{Clock, SecureRandom, Supervised};

use crate::hasher::SALT_BYTES;
use crate::places::{HashingPermit, HashingSemaphore};
use crate::worker::{Job, Workplace};
use crate::{
    HashCost, HashError, Hasher, Password, PasswordHash, PoolSettings, Scratch, VerificationResult,
};

/// Threads that hash, and the queue before them. Dropping the pool ends the threads.
pub struct HashingPool {
    workplace: Arc<Workplace>,
    /// For callers.
    places: Arc<HashingSemaphore>,
    refused: AtomicUsize,
    workers: Vec<Supervised>,
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn new(settings: PoolSettings, hasher: Hasher, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let workplace = Arc::new(Workplace::new(settings, hasher, clock));
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

    /// The hasher that the jobs get, also for its [decoys](Hasher::decoy).
    pub fn hasher(&self) -> &Hasher {
        self.workplace.hasher()
    }

    /// Whether all its threads are there.
    pub fn is_running(&self) -> bool {
        self.workers.iter().all(Supervised::is_running)
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.workplace.waiting()
    }

    /// How many jobs and callers have been turned away so far.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Does one job in the pool for a client, and waits for it. Blocks: call it where that is fine.
    ///
    /// Addresses take turns, with an IPv6 /64 counting as one. When the queue is full, the newest
    /// job of the busiest address makes room for a client with a smaller share.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the queue is full, when the job lost its place in it, or when no thread
    /// was free before the deadline. Then the job has not begun and never will.
    ///
    /// # Panics
    ///
    /// When the job panics, with its panic. The pool goes on.
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
            // The caller stays until it has an answer, or this job is gone.
            drop(answer.send(result));
        });
        let ticket = self.workplace.admit(share_of(address), job, is_costly);
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

    /// Lets a caller in who will need hashing, before it looks anything up and before it takes a thread
    /// of its own to wait on.
    ///
    /// An address alone gets as many places as jobs can run and wait, and a few more. That is half of all:
    /// it gets another one only while it has fewer than are still free, so that no flood from one
    /// address takes them all.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the address has its part.
    pub fn enter(&self, address: IpAddr) -> Result<HashingPermit, Overloaded> {
        self.places.take(share_of(address)).ok_or_else(|| self.overloaded())
    }

    /// Hashes a new password, see [`Hasher::hash`] and [`HashingPool::run`].
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

    /// Compares a password with a stored hash, see [`Hasher::verify`] and [`HashingPool::run`]. One beyond
    /// [`PoolSettings::max_bcrypt_cost`] waits until few enough like it are being verified.
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

    /// Each refusal says a second more than the one before, up to [`SPREAD`], so that those who were
    /// refused together do not all come back together.
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

/// More hashing is wanted than the machine can do; nothing was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked, try again in {} s", .retry_after.as_secs())]
pub struct Overloaded {
    /// When there should be room again: what waits now, at the pace of late; at least a second, and
    /// up to three more that keep those who were refused together apart.
    pub retry_after: Duration,
}

impl Overloaded {
    const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
}

/// Why a new password was not hashed.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashingError {
    /// There was no room for it.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// There was, and it failed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

portcullis_domain::debug_as_display!(HashingError);

/// Longer than a hash takes: a thread that has begun one finishes it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Seconds over which those who were refused are spread.
const SPREAD: usize = 4;

/// Who shares one lane: an IPv4 address, or the /64 that one IPv6 subscriber has to himself.
fn share_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subscriber_has_one_share_and_an_ipv4_address_one_in_any_spelling() {
        let share = |text: &str| share_of(text.parse().unwrap());
        assert_eq!(share("2001:db8:1:2::1"), share("2001:db8:1:2:ffff::9"));
        assert_ne!(share("2001:db8:1:2::1"), share("2001:db8:1:3::1"));
        assert_eq!(share("::ffff:192.0.2.7"), share("192.0.2.7"));
        assert_ne!(share("192.0.2.7"), share("192.0.2.8"));
    }
}
