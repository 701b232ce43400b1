//! The hashing pool under load: bounded, fair, on time, and robust against panics of a job.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock, SystemRandom, Timestamp};
use portcullis_password::{
    Argon2Params, HashCost, Hasher, HashingPool, Overloaded, Password, PoolSettings,
    VerificationResult,
};

const LONG: Duration = Duration::from_secs(600);

fn pool(threads: usize, queue: usize, deadline: Duration) -> Arc<HashingPool> {
    pool_by(Arc::new(SystemClock::new()), threads, queue, deadline)
}

fn pool_by(
    clock: Arc<dyn Clock>,
    threads: usize,
    queue: usize,
    deadline: Duration,
) -> Arc<HashingPool> {
    let hasher = Hasher::new(Argon2Params::default(), &SystemRandom);
    let settings = PoolSettings { threads, queue, deadline, ..PoolSettings::default() };
    Arc::new(HashingPool::new(settings, hasher, clock).unwrap())
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// Keeps a worker busy until the sender is dropped. Returns once it is.
fn occupy(pool: &Arc<HashingPool>) -> (Sender<()>, JoinHandle<Result<(), Overloaded>>) {
    let (release, released) = channel::<()>();
    let (started, starts) = channel();
    let pool = Arc::clone(pool);
    let caller = thread::spawn(move || {
        pool.run(address(255), move |_, _| {
            started.send(()).unwrap();
            for () in released {}
        })
    });
    starts.recv().unwrap();
    (release, caller)
}

/// A caller whose job writes its name down. Returns once the job waits.
fn enqueue(
    pool: &Arc<HashingPool>,
    last: u8,
    log: &Arc<Mutex<Vec<u8>>>,
) -> JoinHandle<Result<(), Overloaded>> {
    let before = pool.waiting();
    let (caller_pool, log) = (Arc::clone(pool), Arc::clone(log));
    let caller = thread::spawn(move || {
        caller_pool.run(address(last), move |_, _| log.lock().unwrap().push(last))
    });
    while pool.waiting() == before && !caller.is_finished() {
        thread::yield_now();
    }
    caller
}

#[test]
fn passwords_hashed_in_the_pool_verify_in_the_pool() {
    let pool = pool(2, 64, LONG);
    let password = Password::parse("violet otter plays 7 cellos").unwrap();
    let stored = pool.hash(address(1), password.clone(), &SystemRandom).unwrap();
    let right = pool.verify(address(1), password, stored.clone());
    assert_eq!(right, Ok(VerificationResult::Match { needs_rehash: false }));
    let wrong = Password::parse("violet otter plays 8 cellos").unwrap();
    assert_eq!(pool.verify(address(1), wrong, stored), Ok(VerificationResult::Mismatch));
}

#[test]
fn a_set_of_codes_has_one_salt_so_that_one_hash_finds_the_typed_one() {
    let pool = pool(2, 64, LONG);
    let text = |text: &str| Password::parse(text).unwrap();
    let texts = vec![text("0123456789ABCDEF"), text("FEDCBA9876543210")];
    let set = pool.hash_set(address(1), texts, &SystemRandom).unwrap();
    let typed = |typed| pool.hash_like(address(1), text(typed), set[0].clone()).unwrap();
    assert_eq!(typed("FEDCBA9876543210").as_str(), set[1].as_str());
    assert_eq!(typed("0123456789ABCDEF").as_str(), set[0].as_str());
    assert!(set.iter().all(|hash| hash.as_str() != typed("0123456789ABCDEE").as_str()));
    let again = pool.hash_set(address(1), vec![text("0123456789ABCDEF")], &SystemRandom).unwrap();
    assert_ne!(again[0].as_str(), set[0].as_str(), "every set has a salt of its own");
}

#[test]
fn overflow_is_refused_at_once_and_what_waited_is_done() {
    let pool = pool(1, 3, LONG);
    let (release, occupant) = occupy(&pool);
    let log = Arc::default();
    let callers: Vec<_> = (1..=3).map(|last| enqueue(&pool, last, &log)).collect();
    assert_eq!(pool.waiting(), 3);

    let refused = pool.run(address(4), |_, _| ()).unwrap_err();
    assert!(refused.retry_after >= Duration::from_secs(1));
    assert_eq!(pool.waiting(), 3);

    drop(release);
    assert_eq!(occupant.join().unwrap(), Ok(()));
    for caller in callers {
        assert_eq!(caller.join().unwrap(), Ok(()));
    }
    assert_eq!(*log.lock().unwrap(), [1, 2, 3]);
    assert_eq!(pool.waiting(), 0);
}

#[test]
fn a_flood_from_one_address_delays_another_by_one_job_only() {
    let pool = pool(1, 64, LONG);
    let (release, occupant) = occupy(&pool);
    let log = Arc::default();
    let flood: Vec<_> = (0..64).map(|_| enqueue(&pool, 1, &log)).collect();
    assert!(pool.run(address(1), |_, _| ()).is_err(), "the flood has no room for more");

    let modest = {
        let (pool, log) = (Arc::clone(&pool), Arc::clone(&log));
        thread::spawn(move || pool.run(address(2), move |_, _| log.lock().unwrap().push(2)))
    };
    // The last of the flood is pushed out at once, while the only worker is still busy.
    let mut flood = flood.into_iter().rev();
    let pushed_out = flood.next().unwrap().join().unwrap();
    assert!(pushed_out.unwrap_err().retry_after >= Duration::from_secs(1));
    assert_eq!(pool.waiting(), 64);

    drop(release);
    assert_eq!(modest.join().unwrap(), Ok(()));
    assert!(flood.all(|caller| caller.join().unwrap().is_ok()));
    assert_eq!(occupant.join().unwrap(), Ok(()));
    let log = log.lock().unwrap();
    assert_eq!(log[..3], [1, 2, 1]);
    assert_eq!(log.len(), 64);
}

#[test]
fn a_job_that_waited_too_long_is_refused_at_the_deadline_and_never_done() {
    let pool = pool(1, 8, Duration::from_millis(250));
    let (release, occupant) = occupy(&pool);
    let done = Arc::new(AtomicBool::new(false));
    let job_done = Arc::clone(&done);
    // The worker is still busy when this returns, so nobody but the caller kept the deadline.
    let refused = pool.run(address(1), move |_, _| {
        job_done.store(true, Ordering::SeqCst);
    });
    assert!(refused.is_err());
    assert_eq!(pool.waiting(), 0);

    drop(release);
    assert_eq!(occupant.join().unwrap(), Ok(()));
    drop(pool);
    assert!(!done.load(Ordering::SeqCst));
}

/// A clock set by hand, in seconds.
#[derive(Default)]
struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

#[test]
fn a_job_that_a_thread_reaches_too_late_is_refused_instead_of_done() {
    let clock = Arc::new(ManualClock::default());
    let pool = pool_by(clock.clone(), 1, 8, LONG);
    let (release, occupant) = occupy(&pool);
    let log = Arc::default();
    let late = enqueue(&pool, 1, &log);
    clock.0.store(LONG.as_secs() + 1, Ordering::SeqCst);
    let punctual = enqueue(&pool, 2, &log);

    drop(release);
    assert!(late.join().unwrap().is_err());
    assert_eq!(punctual.join().unwrap(), Ok(()));
    assert_eq!(occupant.join().unwrap(), Ok(()));
    assert_eq!(*log.lock().unwrap(), [2]);
}

#[test]
fn a_job_that_has_begun_is_finished_past_the_deadline() {
    let pool = pool(1, 8, Duration::from_millis(250));
    let (finish, finishing): (Sender<()>, Receiver<()>) = channel();
    let outcome = pool.run(address(1), move |_, _| {
        let outcome = finishing.recv_timeout(Duration::from_millis(300));
        drop(finish);
        outcome.is_err()
    });
    assert_eq!(outcome, Ok(true));
}

#[test]
fn a_panic_reaches_only_its_caller() {
    let pool = pool(1, 8, LONG);
    for _ in 0..3 {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.run(address(1), |_, _| -> () { panic!("as the test wants it") })
        }));
        let message = *caught.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(message, "as the test wants it");
    }
    assert_eq!(pool.run(address(1), |_, _| 7), Ok(7));
}

#[test]
fn as_many_jobs_run_at_a_time_as_there_are_threads() {
    let pool = pool(2, 8, LONG);
    let (first, one) = occupy(&pool);
    let (second, other) = occupy(&pool);
    let log = Arc::default();
    let third = enqueue(&pool, 1, &log);
    assert_eq!(pool.waiting(), 1);
    drop(first);
    assert_eq!(third.join().unwrap(), Ok(()));
    drop(second);
    assert_eq!(one.join().unwrap(), Ok(()));
    assert_eq!(other.join().unwrap(), Ok(()));
}

#[test]
fn dropping_the_pool_ends_its_threads() {
    let (ended, end) = channel::<()>();
    let pool = pool(1, 8, LONG);
    pool.run(address(1), move |_, _| {
        thread_local!(static TRACE: std::cell::RefCell<Option<Sender<()>>> = const { std::cell::RefCell::new(None) });
        TRACE.set(Some(ended));
    })
    .unwrap();
    drop(pool);
    assert!(end.recv().is_err(), "the thread still holds what it was given");
}

#[cfg(target_os = "linux")]
#[test]
fn hashing_threads_stand_behind_the_others() {
    let own = rustix::process::getpriority_process(None).unwrap();
    let theirs = pool(1, 8, LONG)
        .run(address(1), |_, _| rustix::process::getpriority_process(None).unwrap())
        .unwrap();
    // Further behind, they would get nearly nothing beside busy programs.
    assert_eq!(theirs, (own + 10).min(19));
}

/// bcrypt of cost 14 takes a second, the others' hashes a hundredth: it may not have every thread.
#[test]
fn hashes_beyond_the_usual_cost_leave_threads_to_the_others() {
    let costly = |pool: &Arc<HashingPool>, last| {
        let pool = Arc::clone(pool);
        let decoy = pool.hasher().decoy(HashCost::Bcrypt { cost: 13 });
        thread::spawn(move || pool.verify(address(last), password(), decoy))
    };
    let pool = pool(2, 64, LONG);
    let callers: Vec<_> = (1..=4).map(|last| costly(&pool, last)).collect();
    while pool.waiting() < 3 {
        thread::yield_now();
    }
    // One is being verified, three wait, and the other thread is free.
    assert_eq!(pool.run(address(9), |_, _| 7), Ok(7));
    assert!(pool.waiting() >= 2, "whoever came later did not wait for them");
    for caller in callers {
        assert_eq!(caller.join().unwrap(), Ok(VerificationResult::Mismatch), "each has its turn");
    }
}

#[test]
fn one_thread_alone_verifies_hashes_beyond_the_usual_cost_too() {
    let pool = pool(1, 4, LONG);
    let decoy = pool.hasher().decoy(HashCost::Bcrypt { cost: 13 });
    assert_eq!(pool.verify(address(1), password(), decoy), Ok(VerificationResult::Mismatch));
}

#[test]
fn no_address_takes_every_place_before_the_pool() {
    let pool = pool(2, 64, LONG);
    let mut flood = Vec::new();
    while let Ok(place) = pool.enter(address(1)) {
        flood.push(place);
    }
    assert_eq!(flood.len(), 2 + 64 + 8 + 1, "what can run and wait, and a few more");
    let others: Vec<_> = (2..=6).map(|last| pool.enter(address(last))).collect();
    assert!(others.iter().all(Result::is_ok));
    assert!(pool.enter(address(1)).is_err());
}

fn password() -> Password {
    Password::parse("violet otter").unwrap()
}
