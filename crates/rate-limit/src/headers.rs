//! The response fields of rate limits, as draft-ietf-httpapi-ratelimit-headers writes them.
//!
//! ```text
//! RateLimit-Policy: "signin";q=5;w=60, "general";q=600;w=60
//! RateLimit: "signin";r=3;t=21, "general";r=599;t=1
//! Retry-After: 21
//! ```
//!
//! Both are lists of RFC 9651. `q` is the limit, `w` the window in seconds, `r` the number of
//! requests that remain, and `t` the seconds until one more returns. After a refusal `t` of the
//! quota that refuses longest equals `Retry-After`. Seconds are rounded up, so that a client that
//! waits for them is not refused again.

use std::cmp::Reverse;
use std::time::Duration;

use crate::state::{QuotaState, States};

/// The name of the field with the remaining requests. Field names are in lower case, as the
/// constructors of static names require.
pub const RATE_LIMIT: &str = "ratelimit";

/// The name of the field with the quotas.
pub const RATE_LIMIT_POLICY: &str = "ratelimit-policy";

/// The name of the field with the seconds to wait (RFC 9110 section 10.2.3).
pub const RETRY_AFTER: &str = "retry-after";

/// The fields of a response: the two fields of the draft if there are quotas, and `Retry-After` if
/// the request is refused.
pub fn fields(states: &States) -> impl Iterator<Item = (&'static str, String)> {
    let has_quotas = !states.is_empty();
    let policy = has_quotas.then(|| (RATE_LIMIT_POLICY, rate_limit_policy(states)));
    let limit = has_quotas.then(|| (RATE_LIMIT, rate_limit(states)));
    let retry = retry_after(states).map(|seconds| (RETRY_AFTER, seconds.to_string()));
    policy.into_iter().chain(limit).chain(retry)
}

/// The value of `RateLimit-Policy`.
pub fn rate_limit_policy(states: &[QuotaState]) -> String {
    list(strictest(states).map(|QuotaState { quota, .. }| {
        let window = seconds(quota.window());
        format!("\"{}\";q={};w={window}", quota.name(), quota.limit())
    }))
}

/// The value of `RateLimit`.
pub fn rate_limit(states: &[QuotaState]) -> String {
    list(strictest(states).map(|QuotaState { quota, remaining, reset, .. }| {
        format!("\"{}\";r={remaining};t={}", quota.name(), seconds(*reset))
    }))
}

/// The value of `Retry-After`: the seconds after which a refused request would be permitted, at
/// least one. `None` for a permitted request.
pub fn retry_after(states: &States) -> Option<u64> {
    states.retry_after().map(|wait| seconds(wait).max(1))
}

/// One state for each quota. If several subjects are counted under one quota, it is the state of
/// the one that is nearest to its limit.
fn strictest(states: &[QuotaState]) -> impl Iterator<Item = &QuotaState> {
    let of = |name: &'static str| states.iter().filter(move |state| state.quota.name() == name);
    let is_first = move |(position, state): &(usize, &QuotaState)| {
        states.iter().take(*position).all(|earlier| earlier.quota.name() != state.quota.name())
    };
    states.iter().enumerate().filter(is_first).filter_map(move |(_, state)| {
        of(state.quota.name()).min_by_key(|state| (state.remaining, Reverse(state.reset)))
    })
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;

    fn state(quota: Quota, remaining: u32, millis: u64) -> QuotaState {
        let reset = Duration::from_millis(millis);
        QuotaState { quota, is_allowed: remaining > 0, remaining, reset }
    }

    fn sign_in() -> Quota {
        Quota::sliding("signin", 5, Duration::from_secs(60)).unwrap()
    }

    fn general() -> Quota {
        Quota::gcra("general", 600, Duration::from_millis(59_001)).unwrap()
    }

    #[test]
    fn an_accepted_request_has_two_fields() {
        let states = States::new(&[state(sign_in(), 3, 20_001), state(general(), 599, 100)]);
        let fields: Vec<_> = fields(&states.unwrap()).collect();
        assert_eq!(
            fields,
            [
                ("ratelimit-policy", r#""signin";q=5;w=60, "general";q=600;w=60"#.to_owned()),
                ("ratelimit", r#""signin";r=3;t=21, "general";r=599;t=1"#.to_owned()),
            ]
        );
    }

    #[test]
    fn a_refused_request_says_when_to_retry() {
        let states = States::new(&[state(sign_in(), 0, 20_001), state(general(), 0, 90_000)]);
        assert_eq!(retry_after(&states.unwrap()), Some(90));
        let states = States::new(&[state(sign_in(), 0, 0)]).unwrap();
        assert_eq!(retry_after(&states), Some(1));
        assert_eq!(fields(&states).last(), Some(("retry-after", "1".to_owned())));
    }

    #[test]
    fn two_subjects_under_one_quota_are_one_item() {
        let states = [state(sign_in(), 3, 7_000), state(sign_in(), 1, 9_000)];
        assert_eq!(rate_limit(&states), r#""signin";r=1;t=9"#);
        assert_eq!(rate_limit_policy(&states), r#""signin";q=5;w=60"#);
    }

    #[test]
    fn a_request_without_quotas_has_no_fields() {
        assert_eq!(fields(&States::new(&[]).unwrap()).count(), 0);
    }
}
