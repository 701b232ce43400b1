//! Both algorithms and the limiter against a naive model that keeps all accepted times.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_rate_limit::{Demand, Gcra, LocalLimiter, Quota, SlidingLog, Subject};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::address;

const WINDOW: u64 = 1_000;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Times in steps forward, mostly smaller than a window.
fn times() -> impl Strategy<Value = Vec<u64>> {
    let step = prop_oneof![4 => Just(0_u64), 8 => 1..WINDOW / 4, 1 => 0..3 * WINDOW];
    vec(step, 1..200).prop_map(|steps| {
        let sum = |now: &mut u64, step| {
            *now += step;
            Some(*now)
        };
        steps.into_iter().scan(0, sum).collect()
    })
}

/// Times in steps forward and backward.
fn jumping_times() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![8 => 0_i64..300, 1 => -2_500_i64..0, 1 => 0_i64..2_500], 1..200).prop_map(
        |steps| {
            let sum = |now: &mut u64, step| {
                *now = now.saturating_add_signed(step);
                Some(*now)
            };
            steps.into_iter().scan(5_000, sum).collect()
        },
    )
}

/// The largest number of accepted times in any interval `[t, t + window)`.
fn worst_window(accepted: &[u64]) -> usize {
    let within = |start: u64| move |at: &&u64| (start..start + WINDOW).contains(at);
    accepted.iter().map(|start| accepted.iter().filter(within(*start)).count()).max().unwrap_or(0)
}

/// The naive exact window: all accepted times, searched from the beginning.
#[derive(Default)]
struct Naive(Vec<u64>);

impl Naive {
    fn free(&self, limit: u32, now: u64) -> u32 {
        let live = self.0.iter().filter(|at| *at + WINDOW > now).count();
        limit - u32::try_from(live).unwrap()
    }
}

proptest! {
    #[test]
    fn the_log_accepts_exactly_what_the_model_accepts(limit in 1..12_u32, times in times()) {
        let quota = Quota::sliding("exact", limit, millis(WINDOW)).unwrap();
        let (mut log, mut naive) = (SlidingLog::default(), Naive::default());
        for now in times {
            let is_free = naive.free(limit, now) > 0;
            if is_free {
                naive.0.push(now);
            }
            let state = log.acquire(&quota, millis(now));
            prop_assert_eq!(state.is_allowed, is_free);
            prop_assert_eq!(state.remaining, naive.free(limit, now));
            let after = now + u64::try_from(state.reset.as_millis()).unwrap();
            prop_assert_eq!(naive.free(limit, after) > state.remaining, true);
            prop_assert_eq!(naive.free(limit, after - 1), state.remaining);
        }
        prop_assert!(worst_window(&naive.0) <= usize::try_from(limit).unwrap());
    }

    #[test]
    fn jumps_of_the_clock_free_no_request_of_the_log(limit in 1..12_u32, times in jumping_times()) {
        let quota = Quota::sliding("exact", limit, millis(WINDOW)).unwrap();
        let (mut log, mut accepted) = (SlidingLog::default(), Vec::new());
        for now in times {
            if log.acquire(&quota, millis(now)).is_allowed {
                // The time as the log sees it never runs backwards.
                accepted.push(accepted.last().map_or(now, |last: &u64| now.max(*last)));
            }
        }
        prop_assert!(worst_window(&accepted) <= usize::try_from(limit).unwrap());
    }

    #[test]
    fn gcra_keeps_its_bounds(limit in 1..12_u32, times in times()) {
        let quota = Quota::gcra("fast", limit, millis(WINDOW)).unwrap();
        let (mut gcra, mut accepted) = (Gcra::default(), Vec::new());
        let most = usize::try_from(limit).unwrap();
        for now in times {
            let before = gcra.state(&quota, millis(now));
            let state = gcra.acquire(&quota, millis(now));
            prop_assert_eq!(state.is_allowed, before.is_allowed);
            prop_assert_eq!(state.is_allowed, before.remaining > 0);
            let at_reset = gcra.state(&quota, millis(now) + state.reset);
            prop_assert_eq!(at_reset.remaining, state.remaining + 1);
            let just_before = (millis(now) + state.reset).saturating_sub(Duration::from_nanos(1));
            prop_assert_eq!(gcra.state(&quota, just_before).remaining, state.remaining);
            if state.is_allowed {
                prop_assert_eq!(state.remaining, before.remaining - 1);
                accepted.push(now);
            } else {
                // A refusal is justified: the window before it contains the limit. The interval is
                // rounded up, so the window is a little longer.
                let recent = accepted.iter().filter(|at| *at + WINDOW + 1 > now).count();
                prop_assert!(recent >= most);
            }
        }
        prop_assert!(worst_window(&accepted) < 2 * most);
    }

    #[test]
    fn jumps_of_the_clock_free_no_request_of_gcra(limit in 1..12_u32, times in jumping_times()) {
        let quota = Quota::gcra("fast", limit, millis(WINDOW)).unwrap();
        let (mut gcra, mut accepted, mut latest) = (Gcra::default(), Vec::new(), 0);
        for now in times {
            latest = now.max(latest);
            if gcra.acquire(&quota, millis(now)).is_allowed {
                accepted.push(latest);
            }
        }
        prop_assert!(worst_window(&accepted) < 2 * usize::try_from(limit).unwrap());
    }

    /// Requests of three subjects under up to three of two exact quotas and a GCRA quota.
    #[test]
    fn a_call_records_all_of_its_demands_or_none(
        calls in vec((0..400_u64, vec((0..3_u32, 0..3_usize), 1..4)), 1..120),
        max_bytes in prop_oneof![Just(0_usize), Just(1 << 20), Just(64 << 20)],
    ) {
        let quotas = [
            Quota::sliding("first", 3, millis(WINDOW)).unwrap(),
            Quota::sliding("second", 5, millis(WINDOW)).unwrap(),
            Quota::gcra("third", 4, millis(WINDOW)).unwrap(),
        ];
        let limiter = LocalLimiter::new(max_bytes);
        let mut logs: HashMap<(u32, usize), Naive> = HashMap::new();
        let mut cells: HashMap<u32, Gcra> = HashMap::new();
        let mut now = 0;
        for (step, call) in calls {
            now += step;
            let demands: Vec<_> = call
                .iter()
                .map(|(subject, quota)| Demand { quota: &quotas[*quota], subject: address(*subject) })
                .collect();
            let mut free = |subject: u32, quota: usize| {
                if quota == 2 {
                    let cell = cells.entry(subject).or_default();
                    return cell.state(&quotas[2], millis(now)).remaining;
                }
                let limit = quotas[quota].limit().get();
                logs.entry((subject, quota)).or_default().free(limit, now)
            };
            let before: Vec<_> = call.iter().map(|(subject, quota)| free(*subject, *quota)).collect();
            let is_allowed = before.iter().all(|free| *free > 0);
            let states = limiter.acquire(millis(now), &demands).unwrap();
            prop_assert_eq!(states.is_allowed(), is_allowed);
            if is_allowed {
                let mut distinct = call.clone();
                distinct.sort_unstable();
                distinct.dedup();
                for (subject, quota) in distinct {
                    match quota {
                        2 => cells.entry(subject).or_default().record(&quotas[2], millis(now)),
                        _ => logs.entry((subject, quota)).or_default().0.push(now),
                    }
                }
            }
            for ((state, (_, quota)), before) in states.iter().zip(&call).zip(before) {
                prop_assert_eq!(state.quota, quotas[*quota]);
                prop_assert_eq!(state.is_allowed, before > 0);
                prop_assert_eq!(state.remaining, before - u32::from(is_allowed));
            }
        }
    }

    /// Whatever the order of the times within one window, their number is limited.
    #[test]
    fn threads_with_older_times_gain_nothing(times in vec(0..WINDOW, 1..60), limit in 1..9_u32) {
        let quota = Quota::sliding("exact", limit, millis(WINDOW)).unwrap();
        let limiter = LocalLimiter::new(0);
        let demands = [Demand { quota: &quota, subject: Subject::Id([7; 16]) }];
        let accepted = times
            .iter()
            .filter(|now| limiter.acquire(millis(**now), &demands).unwrap().is_allowed())
            .count();
        prop_assert_eq!(accepted, times.len().min(usize::try_from(limit).unwrap()));
    }
}
