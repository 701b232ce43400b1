//! One call of the script: its keys, arguments and answer.
//!
//! `limiter.lua` documents the arguments and the answer.

use std::fmt;
use std::time::Duration;

use deadpool_redis::redis::{Cmd, cmd};
use portcullis_rate_limit::{Algorithm, Demand, Quota, QuotaState, States, Subject};

pub(crate) struct Call<'a> {
    prefix: &'a str,
    demands: &'a [Demand<'a>],
    /// Without repetitions.
    distinct: Vec<&'a Demand<'a>>,
}

/// The numbers of the answer for one key.
type Numbers = [u64; 3];

impl<'a> Call<'a> {
    pub(crate) fn new(prefix: &'a str, demands: &'a [Demand<'a>]) -> Self {
        let mut distinct = Vec::with_capacity(demands.len());
        for demand in demands {
            if !distinct.contains(&demand) {
                distinct.push(demand);
            }
        }
        Self { prefix, demands, distinct }
    }

    /// `EVALSHA` with a digest, or `EVAL` with the script.
    pub(crate) fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(self.distinct.len());
        for Demand { quota, subject } in &self.distinct {
            command.arg(Key { prefix: self.prefix, quota, subject }.to_string());
        }
        for Demand { quota, .. } in &self.distinct {
            let (algorithm, numbers) = arguments(quota);
            command.arg(algorithm).arg(&numbers);
        }
        command
    }

    /// The states of the demands, or `None` for an answer of another form.
    pub(crate) fn states(&self, answer: &[u64]) -> Option<States> {
        let (numbers, rest) = answer.as_chunks::<3>();
        if numbers.len() != self.distinct.len() || !rest.is_empty() {
            return None;
        }
        let state = |demand: &Demand<'_>| {
            let position = self.distinct.iter().position(|distinct| *distinct == demand)?;
            state(demand.quota, *numbers.get(position)?)
        };
        let states: Vec<_> = self.demands.iter().map(state).collect::<Option<_>>()?;
        States::new(&states).ok()
    }
}

/// The key of a quota and a subject.
struct Key<'a> {
    prefix: &'a str,
    quota: &'a Quota,
    subject: &'a Subject,
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, quota, subject } = self;
        let (algorithm, _) = arguments(quota);
        let window = quota.window();
        write!(f, "{prefix}{algorithm}:{}:{}:", quota.name(), quota.limit())?;
        write!(f, "{}", window.as_millis())?;
        // Rarely, a window has a fraction. It is another quota then.
        let fraction = window.subsec_nanos() % 1_000_000;
        if fraction != 0 {
            write!(f, ".{fraction:06}")?;
        }
        write!(f, ":{subject}")
    }
}

fn arguments(quota: &Quota) -> (&'static str, [u128; 4]) {
    match quota.algorithm() {
        Algorithm::SlidingLog => {
            // Times of the server have no nanoseconds: rounding up is exact.
            let window = quota.window().as_nanos().div_ceil(1_000);
            ("log", [quota.limit().get().into(), window, 0, 0])
        }
        Algorithm::Gcra => {
            let [interval, burst] = [quota.interval().as_nanos(), burst(quota).as_nanos()];
            ("gcra", [interval / 1_000, interval % 1_000, burst / 1_000, burst % 1_000])
        }
    }
}

/// The intervals of a whole burst.
const fn burst(quota: &Quota) -> Duration {
    quota.interval().saturating_mul(quota.limit().get())
}

fn state(quota: &Quota, [permits, first, second]: Numbers) -> Option<QuotaState> {
    let is_allowed = match permits {
        0 => false,
        1 => true,
        _ => return None,
    };
    let (remaining, reset) = match quota.algorithm() {
        Algorithm::SlidingLog => {
            let remaining = quota.limit().get().checked_sub(u32::try_from(first).ok()?)?;
            let reset = quota.window().checked_sub(Duration::from_micros(second))?;
            (remaining, if first == 0 { Duration::ZERO } else { reset })
        }
        Algorithm::Gcra => {
            let (burst, interval) = (burst(quota), quota.interval());
            let used = Duration::from_micros(first).checked_add(Duration::from_nanos(second))?;
            let free = burst.checked_sub(used)?;
            let remaining =
                u32::try_from(free.as_nanos().checked_div(interval.as_nanos())?).ok()?;
            // The next request returns when one interval more of the burst is unused.
            let needed = interval.saturating_mul(remaining).saturating_add(interval);
            (remaining, used.saturating_sub(burst.saturating_sub(needed)))
        }
    };
    Some(QuotaState { quota: *quota, is_allowed, remaining, reset })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn subject() -> Subject {
        Subject::from(IpAddr::from([192, 0, 2, 1]))
    }

    fn key(quota: &Quota) -> String {
        Key { prefix: "{p}:", quota, subject: &subject() }.to_string()
    }

    #[test]
    fn different_quotas_and_subjects_have_different_keys() {
        let quota = Quota::sliding("signin", 5, MINUTE).unwrap();
        assert_eq!(key(&quota), "{p}:log:signin:5:60000:a:192.0.2.1");
        let quota = Quota::gcra("signin", 5, MINUTE).unwrap();
        assert_eq!(key(&quota), "{p}:gcra:signin:5:60000:a:192.0.2.1");
        let quota = Quota::gcra("signin", 5, MINUTE + Duration::from_nanos(70)).unwrap();
        assert_eq!(key(&quota), "{p}:gcra:signin:5:60000.000070:a:192.0.2.1");
    }

    #[test]
    fn equal_demands_have_one_key_and_one_state() {
        let quota = Quota::sliding("signin", 5, MINUTE).unwrap();
        let demand = Demand { quota: &quota, subject: subject() };
        let call = [demand, demand];
        let call = Call::new("{p}:", &call);
        let states = call.states(&[1, 1, 0]).unwrap();
        assert_eq!((states.len(), states[0].remaining), (2, 4));
        assert_eq!(states[0], states[1]);
    }

    #[test]
    fn an_answer_of_another_form_is_none() {
        let (sliding, gcra) = (Quota::sliding("a", 5, MINUTE), Quota::gcra("a", 5, MINUTE));
        let [sliding, gcra] = [sliding.unwrap(), gcra.unwrap()];
        let demands = [&sliding, &gcra].map(|quota| Demand { quota, subject: subject() });
        let call = Call::new("{p}:", &demands);
        assert!(call.states(&[1, 1, 0, 1, 12_000_000, 0]).is_some());
        for answer in [
            &[][..],
            &[1, 1, 0],
            &[1, 1, 0, 1, 0, 0, 0],
            &[2, 1, 0, 1, 0, 0],
            &[1, 6, 0, 1, 0, 0],
            &[1, 1, 60_000_001, 1, 0, 0],
            &[1, 1, 0, 1, 60_000_000, 1],
            &[1, u64::MAX, u64::MAX, 1, u64::MAX, u64::MAX],
            &[1, 1, 0, 1, u64::MAX, u64::MAX],
        ] {
            assert_eq!(call.states(answer), None, "{answer:?}");
        }
    }
}
