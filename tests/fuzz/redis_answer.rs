//! Whatever numbers Redis answers, they are states within the quotas or are refused.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use portcullis_rate_limit::{Demand, Quota, Subject};

use crate::call::Call;

#[expect(dead_code, reason = "the target uses a part of the included file")]
#[path = "../../crates/redis/src/call.rs"]
mod call;

fuzz_target!(|input: (Vec<(bool, u16, u32, u8)>, Vec<u64>)| {
    let (quotas, answer) = input;
    let quotas = quotas.iter().filter_map(|(is_log, limit, window, subject)| {
        let window = Duration::from_micros(u64::from(*window));
        let quota = match is_log {
            true => Quota::sliding("log", u32::from(*limit), window),
            false => Quota::gcra("gcra", u32::from(*limit), window),
        };
        Some((quota.ok()?, Subject::Id([*subject; 16])))
    });
    let quotas: Vec<_> = quotas.collect();
    let demands: Vec<_> =
        quotas.iter().map(|(quota, subject)| Demand { quota, subject: *subject }).collect();
    let Some(states) = Call::new("p:", &demands).states(&answer) else { return };
    assert_eq!(states.len(), demands.len());
    for (state, Demand { quota, .. }) in states.iter().zip(&demands) {
        assert_eq!(state.quota.name(), quota.name());
        assert!(state.remaining <= quota.limit().get());
    }
});
