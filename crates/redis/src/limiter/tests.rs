//! Property tests of the script against reference models, with a clock that the tests set. Keys
//! expire by another clock, so their expiry is put off.

use std::collections::HashMap;

use deadpool_redis::redis::{Client, Cmd, Connection, cmd};
use portcullis_domain::SecretString;
use portcullis_rate_limit::{Algorithm, Gcra, Quota, SlidingLog, Subject};
use portcullis_testkit::RedisServer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use tokio::runtime::{Builder, Runtime};

use super::*;

/// So long that no key expires during a test: keys expire by the real clock.
const WINDOW: u64 = 3_600_000_000;

const START: u64 = 1_800_000_000_000_000;

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A limiter whose clock is two keys of its Redis.
struct Clocked {
    limiter: RedisLimiter,
    connection: Connection,
    runtime: Runtime,
    _server: RedisServer,
}

impl Clocked {
    fn start() -> Self {
        let server = RedisServer::start();
        let script = [
            ("redis.call('TIME')", "redis.call('MGET', 'seconds', 'micros')"),
            ("'PX', expiry", "'PX', 3600000"),
        ]
        .into_iter()
        .fold(SCRIPT.to_owned(), |script, (real, of_test)| {
            assert_eq!(script.matches(real).count(), 1);
            script.replace(real, of_test)
        });
        let url = RedisUrl::parse(&SecretString::from(server.url())).unwrap();
        let limiter = RedisLimiter::with_script(&url, "https://test", script).unwrap();
        let connection = Client::open(server.url()).unwrap().get_connection().unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { limiter, connection, runtime, _server: server }
    }

    fn clear(&mut self) {
        cmd("FLUSHDB").exec(&mut self.connection).unwrap();
    }

    fn acquire(&mut self, now: u64, demands: &[Demand<'_>]) -> States {
        let (seconds, rest) = (now / 1_000_000, now % 1_000_000);
        let mut clock = Cmd::new();
        clock.arg("MSET").arg("seconds").arg(seconds).arg("micros").arg(rest);
        clock.exec(&mut self.connection).unwrap();
        self.runtime.block_on(self.limiter.decide(demands)).unwrap()
    }

    fn check<S: Strategy>(
        &mut self,
        strategy: &S,
        test: impl Fn(&mut Self, S::Value) -> TestCaseResult,
    ) {
        let config =
            ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
        let clocked = std::cell::RefCell::new(self);
        let result = TestRunner::new(config).run(strategy, |value| {
            let clocked = &mut **clocked.borrow_mut();
            clocked.clear();
            test(clocked, value)
        });
        assert!(result.is_ok(), "{}", result.unwrap_err());
    }
}

/// Times in steps forward, mostly smaller than a window.
fn times() -> impl Strategy<Value = Vec<u64>> {
    let step = prop_oneof![4 => Just(0_u64), 8 => 1..WINDOW / 4, 1 => 0..3 * WINDOW];
    vec(step, 1..80).prop_map(|steps| {
        let sum = |now: &mut u64, step| {
            *now += step;
            Some(*now)
        };
        steps.into_iter().scan(START, sum).collect()
    })
}

/// The true time of each request, and how far the clock of the server is behind it.
fn times_with_a_clock_that_steps_back() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let step = prop_oneof![
        4 => Just((0_u64, 0_u64)),
        8 => (1..WINDOW / 4, Just(0)),
        1 => (0..WINDOW / 4, 1..3 * WINDOW),
        1 => (0..WINDOW / 4, 1..1_000_u64),
    ];
    vec(step, 1..80).prop_map(|steps| {
        let sum = |(now, behind): &mut (u64, u64), (step, back)| {
            *now += step;
            *behind += back;
            Some((*now, *behind))
        };
        steps.into_iter().scan((START, 0), sum).collect()
    })
}

/// A window that is no whole number of microseconds, and so no interval of it.
fn window() -> Duration {
    micros(WINDOW) + Duration::from_nanos(1)
}

fn quota(algorithm: Algorithm, limit: u32) -> Quota {
    match algorithm {
        Algorithm::SlidingLog => Quota::sliding("exact", limit, window()).unwrap(),
        Algorithm::Gcra => Quota::gcra("fast", limit, window()).unwrap(),
    }
}

/// The largest number of accepted times in any interval of one window.
fn worst_window(accepted: &[u64]) -> usize {
    let within = |start: u64| move |at: &&u64| (start..start + WINDOW).contains(at);
    accepted.iter().map(|start| accepted.iter().filter(within(*start)).count()).max().unwrap_or(0)
}

#[test]
fn the_log_gives_exactly_the_numbers_of_the_model() {
    Clocked::start().check(&(1..12_u32, times()), |clocked, (limit, times)| {
        let quota = quota(Algorithm::SlidingLog, limit);
        let demands = [Demand { quota: &quota, subject: Subject::Id([1; 16]) }];
        let (mut log, mut accepted) = (SlidingLog::default(), Vec::new());
        for now in times {
            // The naive model: all accepted times, searched from the beginning.
            let live = accepted.iter().filter(|at: &&u64| **at + WINDOW >= now).count();
            let state = clocked.acquire(now, &demands)[0];
            prop_assert_eq!(state, log.acquire(&quota, micros(now)));
            prop_assert_eq!(state.is_allowed, live < usize::try_from(limit).unwrap());
            if state.is_allowed {
                accepted.push(now);
            }
        }
        prop_assert!(worst_window(&accepted) <= usize::try_from(limit).unwrap());
        Ok(())
    });
}

#[test]
fn gcra_gives_exactly_the_numbers_of_the_model() {
    let limits = prop_oneof![4 => 1..12_u32, 1 => 1..3_600_000_000_u32];
    Clocked::start().check(&(limits, times()), |clocked, (limit, times)| {
        let quota = quota(Algorithm::Gcra, limit);
        let demands = [Demand { quota: &quota, subject: Subject::Id([1; 16]) }];
        let (mut gcra, mut accepted) = (Gcra::default(), Vec::new());
        for now in times {
            let state = clocked.acquire(now, &demands)[0];
            prop_assert_eq!(state, gcra.acquire(&quota, micros(now)));
            if state.is_allowed {
                accepted.push(now);
            }
        }
        prop_assert!(worst_window(&accepted) < 2 * usize::try_from(limit).unwrap());
        Ok(())
    });
}

/// No step gives a request more than the limit, by true time, and none prolongs a wait beyond one
/// window.
#[test]
fn a_clock_that_steps_back_frees_nothing_and_locks_nobody_out() {
    let strategy = (1..12_u32, times_with_a_clock_that_steps_back());
    Clocked::start().check(&strategy, |clocked, (limit, times)| {
        for algorithm in [Algorithm::SlidingLog, Algorithm::Gcra] {
            let quota = quota(algorithm, limit);
            let demands = [Demand { quota: &quota, subject: Subject::Id([1; 16]) }];
            let mut accepted = Vec::new();
            let (mut last, mut last_behind) = (0, 0);
            for (now, behind) in &times {
                (last, last_behind) = (*now, *behind);
                // The server exists for longer than its clock steps back.
                let state = clocked.acquire(now + 1_000 * WINDOW - behind, &demands)[0];
                prop_assert!(state.reset <= window());
                if state.is_allowed {
                    accepted.push(*now);
                }
            }
            let most = usize::try_from(limit).unwrap();
            match algorithm {
                Algorithm::SlidingLog => prop_assert!(worst_window(&accepted) <= most),
                Algorithm::Gcra => prop_assert!(worst_window(&accepted) < 2 * most),
            }
            let later = last + 1_000 * WINDOW - last_behind + WINDOW + 1;
            prop_assert!(clocked.acquire(later, &demands).is_allowed());
        }
        Ok(())
    });
}

/// Requests of three subjects under up to three of two exact quotas and a GCRA quota.
#[test]
fn a_call_records_all_of_its_demands_or_none() {
    let quotas = [
        Quota::sliding("first", 3, micros(WINDOW)).unwrap(),
        Quota::sliding("second", 5, micros(WINDOW)).unwrap(),
        Quota::gcra("third", 4, micros(WINDOW)).unwrap(),
    ];
    let strategy = vec((0..WINDOW / 3, vec((0..3_u8, 0..3_usize), 1..4)), 1..80);
    Clocked::start().check(&strategy, |clocked, calls| {
        let mut logs: HashMap<(u8, usize), SlidingLog> = HashMap::new();
        let mut cells: HashMap<u8, Gcra> = HashMap::new();
        let mut time = START;
        for (step, call) in calls {
            time += step;
            let now = micros(time);
            let demand = |(subject, quota): &(u8, usize)| Demand {
                quota: &quotas[*quota],
                subject: Subject::Id([*subject; 16]),
            };
            let demands: Vec<_> = call.iter().map(demand).collect();
            let mut state = |subject: u8, quota: usize| match quota {
                2 => cells.entry(subject).or_default().state(&quotas[2], now),
                _ => logs.entry((subject, quota)).or_default().state(&quotas[quota], now),
            };
            let before: Vec<_> =
                call.iter().map(|(subject, quota)| state(*subject, *quota)).collect();
            let states = clocked.acquire(time, &demands);
            let is_allowed = before.iter().all(|state| state.is_allowed);
            prop_assert_eq!(states.is_allowed(), is_allowed);
            if !is_allowed {
                prop_assert_eq!(&states[..], &before[..]);
                continue;
            }
            let mut distinct = call.clone();
            distinct.sort_unstable();
            distinct.dedup();
            for (subject, quota) in distinct {
                match quota {
                    2 => cells.entry(subject).or_default().record(&quotas[2], now),
                    _ => logs.entry((subject, quota)).or_default().record(&quotas[quota], now),
                }
            }
            for (state, before) in states.iter().zip(before) {
                prop_assert_eq!(state.remaining, before.remaining - 1);
            }
        }
        Ok(())
    });
}
